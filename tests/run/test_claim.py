"""Who is due is found, each contact once, however many there are."""

from typing import Any

import pytest

from engine.api.enroll import enroll_all
from engine.run import claim
from engine.run.context import Run
from engine.run.transactions import transaction
from engine.store.session import Store
from engine.wiring import Wiring, look
from tests.support.engines import add_contacts, engine_on, go_live, pass_time, tick

BOTH: dict[str, Any] = {
    "dripline": 1,
    "key": "both",
    "name": "Both",
    "nodes": [
        {"id": "hand", "type": "trigger.manual"},
        {"id": "one", "type": "wait.delay", "config": {"duration": "1h"}},
        {"id": "two", "type": "wait.delay", "config": {"duration": "1h"}},
    ],
    "edges": [{"from": "hand", "to": "one"}, {"from": "hand", "to": "two"}],
}
"""Two waits side by side: a contact has two tokens."""


@pytest.mark.parametrize("piece", [1, 4, 1_000])
def test_each_due_contact_is_listed_once_and_in_order(
    store: Store, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(claim, "PIECE", piece)
    wiring = engine_on(store)
    go_live(wiring, BOTH)
    add_contacts(wiring, *(f"c{number}" for number in range(9)))
    enroll_all(wiring, "both")
    tick(wiring)
    assert due(wiring) == 0
    pass_time(wiring, "1h")
    assert due(wiring) == 9
    assert tick(wiring).steps == 18
    assert due(wiring) == 0


def due(wiring: Wiring) -> int:
    """Count the due contacts of all parts; in each they are in order."""
    found = 0
    for part in range(wiring.store.parts):
        with transaction(wiring.store) as connection:
            run = Run(connection, part, look(wiring, connection), wiring.clock.micros(), exact=False)
            (version,) = run.deployment.plans
            contacts = list(claim.due_contacts(run, version))
        assert contacts == sorted(set(contacts))
        found += len(contacts)
    return found
