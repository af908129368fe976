"""Who plays a rehearsal: one process that plays all parts, or several that play parts of their own.

Contacts do not touch one another. What all of them have in common are the experiments, which are looked at once a day:
until then each process has what happened in its own parts, and at that moment all tell each other.
"""

from collections.abc import Sequence
from typing import TypeVar

from engine.store.session import Store

Told = TypeVar("Told")


class Circle:
    """One process that plays all parts."""

    def __init__(self, parts: Sequence[int]) -> None:
        self.parts = parts
        """The parts that are played here."""

    def tell(self, mine: Told) -> list[Told]:
        """Tell the others something, wait for theirs, and give what everybody has told, the same everywhere."""
        return [mine]

    def gather(self, world: Store) -> None:
        """Bring what was played elsewhere into this world, once all is over."""
