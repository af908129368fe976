"""The library of flows: drafts, immutable versions, and the plans that run them."""
