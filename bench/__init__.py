"""Measure the engine against hand-written SQL; kill it and compare."""
