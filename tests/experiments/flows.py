"""A flow with a split, people who pass it, and what the ledger says of them."""

from collections import Counter
from typing import Any

import sqlalchemy as sa

from engine.experiments.division import EXPERIMENT, EXPOSURE
from engine.experiments.ledger import TALLY
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.engines import add_contacts, engine_on, go_live, happen, settle

GOAL = {"event": "bought", "within": "2d"}


def split(key: str = "test", *, sends: bool = False, **config: Any) -> dict[str, Any]:
    """Draw a flow that divides whoever signs up and tags both halves, or writes to them."""
    settings = {"variants": [{"key": "a"}, {"key": "b"}], "goal": GOAL, **config}
    return {
        "dripline": 1,
        "key": key,
        "name": "Test",
        "settings": {"reentry": {"allow": "always"}},
        "nodes": [
            {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
            {"id": "ab", "type": "split.ab", "config": settings},
            *(
                {"id": each["key"], "type": "send.email", "config": {"subject": each["key"], "text": "Hello"}}
                if sends
                else {"id": each["key"], "type": "contact.tag", "config": {"add": [each["key"]]}}
                for each in settings["variants"]
            ),
        ],
        "edges": [
            {"from": "start", "to": "ab"},
            *({"from": "ab", "port": each["key"], "to": each["key"]} for each in settings["variants"]),
        ],
    }


def world(store: Store, people: int = 60, **config: Any) -> tuple[Wiring, list[str]]:
    """Give an engine in which everybody has signed up and been divided."""
    wiring = engine_on(store)
    go_live(wiring, split(**config))
    keys = [f"c{number}" for number in range(people)]
    add_contacts(wiring, *keys)
    sign_up(wiring, keys)
    return wiring, keys


def sign_up(wiring: Wiring, keys: list[str]) -> None:
    """Let contacts come in."""
    for key in keys:
        happen(wiring, key, "signed_up")
    settle(wiring)


def given(wiring: Wiring) -> dict[str, str]:
    """Tell which variant each contact has."""
    contact = sa.table("contact", sa.column("part"), sa.column("id"), sa.column("key"))
    both = sa.and_(contact.c.part == EXPOSURE.c.part, contact.c.id == EXPOSURE.c.contact_id)
    with wiring.store.read() as connection:
        rows = connection.execute(sa.select(contact.c.key, EXPOSURE.c.variant).join(EXPOSURE, both))
        return {str(row.key): str(row.variant) for row in rows}


def tallies(wiring: Wiring) -> Counter[tuple[str, int]]:
    """Sum the running counts by variant and kind."""
    found: Counter[tuple[str, int]] = Counter()
    with wiring.store.read() as connection:
        for variant, what, contacts in connection.execute(sa.select(TALLY.c.variant, TALLY.c.what, TALLY.c.contacts)):
            found[variant, what] += contacts
    return found


def recounted(wiring: Wiring) -> Counter[tuple[str, int]]:
    """Count the ledger anew, for comparing."""
    found: Counter[tuple[str, int]] = Counter()
    with wiring.store.read() as connection:
        for row in connection.execute(sa.select(EXPOSURE)):
            found[row.variant, 0] += 1
            found[row.variant, 1] += row.converted_at is not None
            for bit in range(8):
                found[row.variant, 2 + bit] += row.harmed >> bit & 1
    return +found


def experiment(wiring: Wiring) -> Any:
    """Read the one experiment."""
    with wiring.store.read() as connection:
        return connection.execute(sa.select(EXPERIMENT)).one()
