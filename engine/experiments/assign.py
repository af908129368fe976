"""How a split is told apart from others, in all versions of its flow."""

import hashlib
from collections.abc import Mapping

import orjson

from engine.terms import Json


def experiment_id(flow_key: str, node: str, identity: Mapping[str, Json] | None = None) -> int:
    """Derive the number of a goal node, or of a split with these settings, the same in every version of the flow.

    Shape: 63 bits.
    """
    told = f"{flow_key}/{node}".encode()
    if identity is not None:
        told += b"/" + orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(hashlib.sha256(told).digest()[:8]) >> 1
