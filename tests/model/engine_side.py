"""The one place where the model tests call the engine."""

from tests.model.case import Case
from tests.model.facts import Json


class NotYetError(Exception):
    """The engine cannot play a simulation yet."""


def run_engine(case: Case, url: str) -> list[Json]:
    """Play a case with the real engine and give its journal.

    ``url`` is the address of an empty migrated database, for this case alone. Contacts, in order, come with typed
    attributes (lists and texts such as ``"5"`` too) and are created at ``case.start``; ``case.segments`` are named
    rules; all flows are published at the start and the first one's manual trigger lets everybody in. Lines of other
    flows carry a further key ``flow``.
    """
    raise NotYetError(f"nothing plays {case.name or 'a case'} at {url}")
