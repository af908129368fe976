"""Parts in which nothing waits are passed over; whatever waits is found."""

from typing import Any

import pytest
import sqlalchemy as sa

from engine.api.segments import save_segment
from engine.run.busy import busy_parts
from engine.wiring import Wiring, look
from tests.graph import documents
from tests.support.engines import WELCOME, add_contacts, engine_on, go_live, happen, pass_time, settle

PEOPLE = tuple(f"c{number}" for number in range(12))


def busy(wiring: Wiring) -> list[int]:
    with wiring.store.read() as connection:
        parts = range(wiring.store.parts)
        return sorted(busy_parts(connection, parts, look(wiring, connection), wiring.clock.micros()))


def part_of(wiring: Wiring, key: str) -> int:
    with wiring.store.read() as connection:
        chosen = sa.text("SELECT part FROM contact WHERE contact.key = :key")
        return int(connection.execute(chosen, {"key": key}).scalar_one())


@pytest.fixture
def wiring(new_store: Any) -> Wiring:
    made = engine_on(new_store())
    go_live(made, WELCOME)
    add_contacts(made, *PEOPLE)
    settle(made)
    return made


def test_nothing_waits_after_everything_was_done(wiring: Wiring) -> None:
    assert busy(wiring) == []


def test_an_event_makes_its_part_busy_and_so_does_the_token_that_it_let_in(wiring: Wiring) -> None:
    happen(wiring, PEOPLE[0], "signed_up")
    assert busy(wiring) == [part_of(wiring, PEOPLE[0])]
    settle(wiring)
    assert busy(wiring) == []
    pass_time(wiring, "23h")
    assert busy(wiring) == []
    pass_time(wiring, "1h")
    assert busy(wiring) == [part_of(wiring, PEOPLE[0])]


def test_a_contact_that_changed_makes_its_part_busy(wiring: Wiring) -> None:
    add_contacts(wiring, PEOPLE[1], stage="mql")
    assert busy(wiring) == [part_of(wiring, PEOPLE[1])]


def test_a_new_segment_and_then_the_hour_at_which_time_changes_it(wiring: Wiring) -> None:
    save_segment(wiring, "still", {"no_event": "used", "within": "30d"})
    assert busy(wiring) == list(range(wiring.store.parts))
    settle(wiring)
    assert busy(wiring) == []
    pass_time(wiring, "31d")
    assert busy(wiring) == sorted({part_of(wiring, key) for key in PEOPLE})


def test_a_flow_that_goes_by_the_calendar_is_looked_at_everywhere(wiring: Wiring) -> None:
    nodes = [{"id": "daily", "type": "trigger.schedule", "config": {"at": "09:00", "when": {"tag": "vip"}}}]
    go_live(wiring, {"dripline": 1, "key": "daily", "name": "Daily", "nodes": nodes, "edges": []})
    assert busy(wiring) == list(range(wiring.store.parts))


def test_in_a_hurry_the_calendar_makes_no_part_busy(wiring: Wiring) -> None:
    daily = documents.flow(documents.mail("letter"))
    start = documents.node("start", "trigger.schedule", cron="0 9 * * *", when={"tag": "vip"})
    go_live(wiring, {**daily, "key": "daily", "nodes": [start, *daily["nodes"][1:]]})
    settle(wiring)
    with wiring.store.read() as connection:
        parts, deployment = range(wiring.store.parts), look(wiring, connection)
        now = wiring.clock.micros()
        assert busy_parts(connection, parts, deployment, now) == list(parts)
        assert busy_parts(connection, parts, deployment, now, by_calendar=False) == []
