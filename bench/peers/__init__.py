"""What others offer for the same work, run beside ours.

A peer is installed in pinned versions into ``build/peers``, never beside the product, and runs in a process of its own
with a Python that knows nothing of the engine: address, number of contacts and grain are its arguments.
"""
