"""The codes in which a wave writes down where its members went.

A code has four characters. A *step* is ``node * 32 + port`` in hexadecimal. The others begin with a sign that no
step begins with: ``@`` rested at a node, ``>`` arrives at a node, ``!`` parks, ``#`` waits for its like at a join,
``$`` is held, ``~`` is gone. The signs of parks sort below every step, that of the gone above.
"""

from functools import lru_cache
from typing import Final

PORTS: Final = 32
"""Codes per node; the last two tell a leak and an overlap."""

LEAK: Final = PORTS - 2
OVERLAP: Final = PORTS - 1
MAX_PORTS: Final = LEAK
MAX_NODES: Final = 2_000

GOAL: Final = "~gol"
EXIT: Final = "~exi"
ABSORBED: Final = "~abs"
REMOVED: Final = "~rem"

FIRST_STEP: Final = "0"
FIRST_GONE: Final = "~"


def step(node: int, port: int) -> str:
    """Code the passing of a node by the port at a place in its list of ports."""
    return f"{node * PORTS + port:04x}"


def rested(node: int) -> str:
    """Code a member that was resting at a node."""
    return f"@{node:03x}"


def arrives(node: int) -> str:
    """Code a cloned member that is about to arrive at a node."""
    return f">{node:03x}"


def parks(node: int) -> str:
    """Code a member that rests at a node until an instant."""
    return f"!{node:03x}"


def joins(node: int) -> str:
    """Code a member that waits at a join."""
    return f"#{node:03x}"


def holds(node: int) -> str:
    """Code a member that is held at a node."""
    return f"${node:03x}"


@lru_cache(maxsize=16_384)
def read_steps(codes: str) -> tuple[tuple[int, int], ...]:
    """Read a journal row: the steps as ``(node, port)``, in order; other codes are passed over."""
    found = (codes[start : start + 4] for start in range(0, len(codes), 4))
    return tuple(divmod(int(code, 16), PORTS) for code in found if code[0] in "0123456789abcdef")
