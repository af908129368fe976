"""Flow templates, their messages and the behaviour of sample contacts: data only."""
