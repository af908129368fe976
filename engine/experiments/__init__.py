"""Experiments: who was shown which variant of a split, and who reached its goal."""
