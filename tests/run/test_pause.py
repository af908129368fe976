from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.api import enroll, flows, pausing
from engine.api.contacts import contact_detail
from engine.api.journal import journal_lines
from engine.api.pausing import How
from engine.errors import FlowError
from engine.store.session import Store
from engine.store.tables import Token
from engine.terms import HOUR
from engine.wiring import Wiring
from tests.support.engines import (
    MESSAGE,
    WELCOME,
    add_contacts,
    engine_on,
    go_live,
    happen,
    pass_time,
    run_days,
    settle,
    signed_up,
    tick,
)

TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]


def waiting(store: Store, contacts: int = 3) -> Wiring:
    """Give an engine whose flow was paused two hours before its contacts' day was over, three hours ago."""
    keys = [f"c{number}" for number in range(contacts)]
    wiring = signed_up(store, *keys)
    settle(wiring)
    pass_time(wiring, "22h")
    assert pausing.pause(wiring, "welcome")
    pass_time(wiring, "5h")
    return wiring


def told(wiring: Wiring, flow: str = "welcome") -> list[tuple[Any, Any]]:
    return [(line["node"], line.get("reason", "sent")) for line in journal_lines(wiring, flow) if "message" in line]


def test_nothing_moves_in_a_pause(store: Store) -> None:
    wiring = waiting(store)
    add_contacts(wiring, "late")
    happen(wiring, "late", "signed_up")
    done = settle(wiring)
    assert (done.ticks.steps, done.messages.total) == (0, 0)
    assert contact_detail(wiring, "late").stays == ()
    with pytest.raises(FlowError):
        enroll.enroll(wiring, "welcome", ["late"])
    assert not pausing.pause(wiring, "welcome")


def test_a_draft_cannot_be_paused(store: Store) -> None:
    wiring = engine_on(store)
    flows.import_flow(wiring, WELCOME)
    with pytest.raises(FlowError):
        pausing.pause(wiring, "welcome")


def test_the_backlog_is_told_by_age(store: Store) -> None:
    wiring = waiting(store)
    found = pausing.backlog(wiring, "welcome")
    assert [(age.below, age.tokens) for age in found.ages if age.tokens] == [(timedelta(days=1), 3)]
    pass_time(wiring, "40d")
    assert [(age.below, age.tokens) for age in pausing.backlog(wiring, "welcome").ages if age.tokens] == [(None, 3)]


def test_sent_as_it_is(store: Store) -> None:
    wiring = waiting(store)
    assert pausing.resume(wiring, "welcome", How.SEND).backlog.tokens == 3
    settle(wiring)
    assert told(wiring)[3:] == [("nudge", "sent")] * 3
    assert not pausing.resume(wiring, "welcome", How.SEND).changed


def test_sent_as_it_is_but_for_what_says_how_late_it_may_be(store: Store) -> None:
    wiring = waiting(store)
    for key in ("c0", "c1", "c2"):
        happen(wiring, key, "used")
    pass_time(wiring, "4h")
    pausing.resume(wiring, "welcome", How.SEND)
    settle(wiring)
    assert told(wiring)[3:] == [("thanks", "late")] * 3


def test_dropped(store: Store) -> None:
    wiring = waiting(store)
    pausing.resume(wiring, "welcome", How.DROP)
    settle(wiring)
    assert told(wiring)[3:] == [("nudge", "late")] * 3
    # Who comes later gets everything.
    pass_time(wiring, "1m")
    add_contacts(wiring, "later")
    happen(wiring, "later", "signed_up")
    run_days(wiring, 2)
    assert told(wiring)[6:] == [("hello", "sent"), ("nudge", "sent")]


def test_dropped_messages_that_were_owed_already(store: Store) -> None:
    wiring = signed_up(store, "ann")
    tick(wiring)
    pausing.pause(wiring, "welcome")
    pass_time(wiring, "2h")
    assert pausing.backlog(wiring, "welcome").messages == 1
    assert settle(wiring).messages.total == 0
    pausing.resume(wiring, "welcome", How.DROP)
    settle(wiring)
    assert told(wiring) == [("hello", "late")]


def test_spread(store: Store) -> None:
    wiring = waiting(store, contacts=12)
    with pytest.raises(FlowError):
        pausing.resume(wiring, "welcome", How.SPREAD)
    pausing.resume(wiring, "welcome", How.SPREAD, timedelta(hours=6))
    now = wiring.clock.micros()
    with store.read() as connection:
        rows = connection.execute(sa.select(TOKEN.c.part, TOKEN.c.due_at)).all()
    assert all(now <= row.due_at < now + 6 * HOUR for row in rows)
    for part in {row.part for row in rows}:
        dues = sorted(row.due_at for row in rows if row.part == part)
        assert dues == [now + place * (6 * HOUR // len(dues)) for place in range(len(dues))]
    run_days(wiring, 1, step="2h")
    assert told(wiring)[12:] == [("nudge", "sent")] * 12


def test_spread_messages(store: Store) -> None:
    wiring = engine_on(store)
    go_live(wiring)
    add_contacts(wiring, *(f"c{number}" for number in range(8)))
    enroll.enroll_all(wiring, "welcome")
    tick(wiring)
    pausing.pause(wiring, "welcome")
    pausing.resume(wiring, "welcome", How.SPREAD, timedelta(hours=8))
    with store.read() as connection:
        spread = connection.scalar(sa.select(sa.func.count(MESSAGE.c.not_before.distinct())))
    assert spread is not None
    assert spread > 1
    run_days(wiring, 1, step="4h")
    assert len([line for line in told(wiring) if line == ("hello", "sent")]) == 8


def test_events_of_a_pause_act_at_its_end(store: Store) -> None:
    wiring = engine_on(store)
    go_live(
        wiring,
        {
            **WELCOME,
            "key": "event",
            "nodes": [
                {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
                {"id": "wait", "type": "wait.event", "config": {"event": "used", "timeout": "9d"}},
                {"id": "mail", "type": "send.email", "config": {"subject": "S", "text": "T"}},
            ],
            "edges": [
                {"from": "start", "to": "wait"},
                {"from": "wait", "port": "happened", "to": "mail"},
            ],
        },
    )
    add_contacts(wiring, "ann", "ben")
    for key in ("ann", "ben"):
        happen(wiring, key, "signed_up")
    settle(wiring)
    pass_time(wiring, "1d")
    pausing.pause(wiring, "event")
    happen(wiring, "ann", "used")
    happen(wiring, "ben", "bought")
    settle(wiring)
    assert contact_detail(wiring, "ben").stays[0].state == "goal"
    assert contact_detail(wiring, "ann").stays[0].state == "active"
    pausing.resume(wiring, "event", How.SEND)
    settle(wiring)
    assert contact_detail(wiring, "ann").stays[0].state == "completed"
    assert told(wiring, "event") == [("mail", "sent")]


def test_a_schedule_does_not_make_up_for_a_pause(store: Store) -> None:
    wiring = engine_on(store)
    go_live(
        wiring,
        {
            "dripline": 1,
            "key": "daily",
            "settings": {"reentry": {"allow": "always"}},
            "nodes": [
                {"id": "start", "type": "trigger.schedule", "config": {"cron": "0 12 * * *", "when": {"all": []}}},
                {"id": "tag", "type": "contact.tag", "config": {"add": ["seen"]}},
            ],
            "edges": [{"from": "start", "to": "tag"}],
        },
    )
    add_contacts(wiring, "ann")
    run_days(wiring, 2)
    pausing.pause(wiring, "daily")
    run_days(wiring, 5)
    pausing.resume(wiring, "daily", How.SEND)
    run_days(wiring, 1)
    assert len(contact_detail(wiring, "ann").stays) == 3


def test_who_begins_to_match_in_a_pause_does_not_come_in(store: Store) -> None:
    wiring = engine_on(store)
    flow = {
        "dripline": 1,
        "key": "vip",
        "nodes": [
            {"id": "start", "type": "trigger.segment", "config": {"when": {"stage": "mql"}, "existing": True}},
            {"id": "tag", "type": "contact.tag", "config": {"add": ["seen"]}},
        ],
        "edges": [{"from": "start", "to": "tag"}],
    }
    add_contacts(wiring, "ann", stage="mql")
    go_live(wiring, flow)
    pausing.pause(wiring, "vip")
    settle(wiring)
    assert contact_detail(wiring, "ann").stays == ()
    pausing.resume(wiring, "vip", How.SEND)
    settle(wiring)
    # Those who were there before are looked at once the pause is over.
    assert contact_detail(wiring, "ann").tags == ("seen",)
    pausing.pause(wiring, "vip")
    pass_time(wiring, "1h")
    add_contacts(wiring, "ben", stage="mql")
    settle(wiring)
    pausing.resume(wiring, "vip", How.SEND)
    settle(wiring)
    assert contact_detail(wiring, "ben").tags == ()
