"""The evidence of experiments: pure functions on counts; no database, no clock, no chance that is not handed in."""
