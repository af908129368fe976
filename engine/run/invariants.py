"""What must hold in every store at any time, as one SQL statement each that counts what breaks it.

They are listed in ``docs/architecture.md``. Only the seals of the audit log (I17) are looked at in Python.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.access import audit
from engine.library.plan import Plan
from engine.run import invariants_of_states as states
from engine.run import invariants_of_steps as of_steps
from engine.run.invariants_of_steps import Ways
from engine.store.rowsets import pack
from engine.terms import Micros


@dataclass(frozen=True)
class Look:
    """What the statements are made for."""

    dialect: str
    now: Micros
    parts: int


@dataclass(frozen=True)
class Invariant:
    """One thing that must hold: its code, what it says, and the statement that counts what breaks it."""

    code: str
    says: str
    count: Callable[[Look], sa.Select[Any]]


INVARIANTS = (
    Invariant("I01", "every enrollment is in exactly one legal place", lambda look: states.illegal()),
    Invariant("I02", "no token of a live flow is overdue", lambda look: states.stuck(look.now)),
    Invariant("I03", "no intent to send outlives its term", lambda look: states.stale_intents(look.now)),
    Invariant("I04", "no step was taken twice", lambda look: of_steps.twice(look.dialect)),
    Invariant("I05", "no journal row is missing, and none came from nowhere", lambda look: of_steps.gaps()),
    Invariant("I06", "steps follow the edges of their version", lambda look: of_steps.astray(look.dialect)),
    Invariant("I07", "a token stands where its last step or a move led", lambda look: of_steps.misplaced(look.dialect)),
    Invariant("I08", "nothing happened early", lambda look: of_steps.early(look.dialect)),
    Invariant("I09", "one message for each step that owes one", lambda look: of_steps.unowed(look.dialect)),
    Invariant("I10", "keys are unique over all parts", lambda look: states.doubled_keys()),
    Invariant("I11", "what a message says of itself fits together", lambda look: states.contradictory_messages()),
    Invariant("I12", "nothing was sent after consent was withdrawn", lambda look: states.unwanted()),
    Invariant("I13", "each event counts once", lambda look: states.doubled_events()),
    Invariant("I14", "one enrollment at a time where re-entry says so", lambda look: of_steps.crowded(look.dialect)),
    Invariant("I15", "what belongs together lies in one part", lambda look: states.scattered(look.parts)),
    Invariant("I16", "the counts of pages are those of the journal", lambda look: of_steps.miscounted(look.dialect)),
    Invariant("I17", "the audit log is whole", lambda look: states.unlinked()),
)

AUDIT = INVARIANTS[-1].code


def violations(
    connection: Connection, plans: Iterable[Plan], parts: int, now: Micros, only: Collection[str] | None = None
) -> dict[str, int]:
    """Count what breaks each invariant: 0 everywhere in a sound store.

    ``plans`` are those of all versions. Cost: one statement each; those about steps read the whole journal.
    """
    look = Look(connection.dialect.name, now, parts)
    given = Ways.of(plans).given() | {"places": pack([place] for place in range(of_steps.longest_path(connection)))}
    found = {
        each.code: int(connection.scalar(each.count(look), given) or 0)
        for each in INVARIANTS
        if only is None or each.code in only
    }
    if found.get(AUDIT) == 0:
        found[AUDIT] = audit.broken(connection)
    return found
