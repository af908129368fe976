"""Rehearse flows in a virtual world: the same executor, a virtual clock, and nobody is mailed."""
