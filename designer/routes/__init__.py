"""Routers, one per concern; ``app`` hands them what they call."""
