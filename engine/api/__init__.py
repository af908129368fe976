"""The counter: plain functions that doors call. One transaction each; values come back, never rows."""
