"""Pages of experiments: what was seen, in words and as a chart."""
