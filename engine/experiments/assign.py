"""How a split is told apart from others, in all versions of its flow."""

import hashlib


def experiment_id(flow_key: str, node: str) -> int:
    """Derive the number of a split, or of a goal node, the same in every version of the flow.

    Shape: 63 bits.
    """
    return int.from_bytes(hashlib.sha256(f"{flow_key}/{node}".encode()).digest()[:8]) >> 1
