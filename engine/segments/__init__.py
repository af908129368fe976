"""Segments: rules with names, as SQL."""
