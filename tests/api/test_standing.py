"""Who rests at a node is listed, those first who move first."""

import pytest
import sqlalchemy as sa

from engine.api import counts, kept, standing
from engine.store.session import Store
from engine.store.tables import Token
from engine.wiring import Wiring
from tests.support.engines import add_contacts, happen, pass_time, settle, signed_up

TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]


@pytest.fixture
def wiring(store: Store) -> Wiring:
    """Give an engine in which twelve contacts wait, each some minutes longer than the one before."""
    wiring = signed_up(store)
    for number in range(12):
        add_contacts(wiring, f"c{number:02}")
        happen(wiring, f"c{number:02}", "signed_up")
        settle(wiring)
        pass_time(wiring, "5m")
    return wiring


def test_where_many_wait_the_first_are_found_among_what_is_due(wiring: Wiring) -> None:
    found = standing.resting_at(wiring, "welcome", "day", 2)
    assert [(each.key, each.email, each.state) for each in found] == [
        ("c00", "c00@example.com", "waiting"),
        ("c01", "c01@example.com", "waiting"),
    ]
    assert found == standing.resting_at(wiring, "welcome", "day", 50)[:2]


def test_where_few_rest_all_are_listed(wiring: Wiring) -> None:
    late = TOKEN.update().values(state="held", due_at=None)
    with wiring.store.write() as connection:
        first = connection.execute(sa.select(TOKEN.c.part, TOKEN.c.contact_id).order_by(TOKEN.c.due_at)).first()
        assert first is not None
        connection.execute(late.where(TOKEN.c.part == first.part, TOKEN.c.contact_id == first.contact_id))
    found = standing.resting_at(wiring, "welcome", "day")
    assert [each.key for each in found] == [*(f"c{number:02}" for number in range(1, 12)), "c00"]
    assert (found[-1].due, found[-1].state) == (None, "held")
    assert standing.resting_at(wiring, "welcome", "hello") == []
    assert standing.resting_at(wiring, "welcome", "gone") == []


def test_nobody_is_looked_for_where_nobody_rests(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "QUICK", -1.0)
    nodes = {node.id: node for node in counts.flow_nodes(wiring, "welcome")}
    assert nodes["day"].resting == 12
    with wiring.store.write() as connection:
        connection.execute(TOKEN.delete())
    assert standing.resting_at(wiring, "welcome", "day") == []
    assert counts.flow_nodes(wiring, "welcome")[0].resting == 0
