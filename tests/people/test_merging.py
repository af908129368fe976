from typing import Any

import pytest
import sqlalchemy as sa

from engine.api.journal import journal_lines
from engine.errors import NotFound
from engine.people import aliases, consents, rekeying
from engine.people.consents import grant, withdraw
from engine.people.contacts import ContactRow, Place, home
from engine.people.merging import merge
from engine.people.suppressions import SuppressionRow, suppress
from engine.people.upserting import upsert
from engine.run import arrivals, invariants
from engine.store.session import Store
from engine.store.tables import metadata
from engine.terms import DAY, HOUR
from engine.wiring import Wiring
from tests.people.sights import NOW, contact, maybe, rows_in, tags_of
from tests.support.engines import WELCOME, add_contacts, engine_on, go_live, happen, pass_time, settle, tick

PAIRS = [("c1", "c4"), ("c0", "c2")]
"""Of four parts the first two lie in the same, the others apart."""


ENROLLMENT = metadata.tables["enrollment"]


def place_of(store: Store, key: str) -> Place:
    facts = contact(store, key)
    return facts.part, facts.id


def put(store: Store, *rows: ContactRow, now: int = NOW) -> None:
    with store.write() as connection:
        upsert(connection, store.parts, 1, rows, now)


def join(store: Store, survivor: str, other: str, now: int = NOW) -> bool:
    with store.write() as connection:
        return merge(connection, store.parts, survivor, other, now=now)


# ---------------------------------------------------------------- facts


@pytest.mark.parametrize(("survivor", "other"), PAIRS)
def test_the_survivor_keeps_its_facts_and_is_filled_from_the_other(store: Store, survivor: str, other: str) -> None:
    put(store, ContactRow(survivor, "1@example.com", tags=("a", "b"), attributes={"plan": "pro", "x": None}))
    put(
        store,
        ContactRow(
            other,
            "2@example.com",
            "5",
            "Asia/Tokyo",
            account="acme",
            tags=("b", "c"),
            attributes={"plan": "free", "x": 1},
        ),
        now=NOW - DAY,
    )
    before = contact(store, survivor).changed
    assert join(store, survivor, other)
    facts = contact(store, survivor)
    assert facts[3:8] == ("1@example.com", "5", "Asia/Tokyo", None, None)
    assert facts.attributes == {"plan": "pro", "x": 1}
    assert facts.created_at == NOW - DAY
    assert facts.changed > before
    assert tags_of(store, survivor) == {"a", "b", "c"}
    assert (facts.part, "acme") in rows_in(store, "account", "part", "key")
    assert maybe(store, other) == facts
    assert len(rows_in(store, "contact", "key")) == 1


def test_merging_again_changes_nothing(store: Store) -> None:
    put(store, ContactRow("a"), ContactRow("b"))
    assert join(store, "a", "b")
    before = contact(store, "a")
    assert not join(store, "a", "b")
    assert not join(store, "b", "a")
    assert not join(store, "a", "a")
    assert contact(store, "a") == before


def test_a_key_that_nobody_has_becomes_an_alias(store: Store) -> None:
    put(store, ContactRow("a"))
    assert not join(store, "a", "nobody")
    assert contact(store, "nobody").key == "a"
    with pytest.raises(NotFound):
        join(store, "who", "a")


def test_merges_upon_merges(store: Store) -> None:
    keys = [f"c{number}" for number in range(8)]
    put(store, *map(ContactRow, keys))
    places = {key: place_of(store, key) for key in keys}
    for one, two in zip(keys[1:], keys, strict=False):
        assert join(store, one, two)
    assert {contact(store, key).key for key in keys} == {"c7"}
    with store.read() as connection:
        for place in places.values():
            assert aliases.follow(connection, *place) == places["c7"]
        assert aliases.follow(connection, 0, 9_999) is None


# ---------------------------------------------------------------- consents


@pytest.mark.parametrize(("survivor", "other"), PAIRS)
def test_a_withdrawal_wins(store: Store, survivor: str, other: str) -> None:
    put(store, ContactRow(survivor), ContactRow(other))
    ours, theirs = place_of(store, survivor), place_of(store, other)
    with store.write() as connection:
        grant(connection, ours, source="page", at=NOW + 5, topic="news")
        withdraw(connection, theirs, source="page", at=NOW + 2)
        withdraw(connection, theirs, source="page", at=NOW + 1, topic="offers")
        grant(connection, theirs, source="page", at=NOW + 3, topic="offers")
    join(store, survivor, other)
    words = rows_in(store, "consent", "topic", "state", "at")
    # The other's own later grant of a topic still holds against its withdrawal; the survivor's does not.
    assert sorted(words) == [
        ("*", "withdrawn", NOW + 2),
        ("news", "withdrawn", NOW + 5),
        ("offers", "granted", NOW + 3),
    ]
    assert contact(store, survivor).restricted


def test_of_the_same_word_the_withdrawal_wins(store: Store) -> None:
    put(store, ContactRow("a"), ContactRow("b"))
    with store.write() as connection:
        grant(connection, place_of(store, "a"), source="x", at=NOW + 5, topic="news")
        withdraw(connection, place_of(store, "b"), source="y", at=NOW, topic="news")
    join(store, "a", "b")
    assert rows_in(store, "consent", "topic", "state", "at") == [("news", "withdrawn", NOW + 5)]


def test_suppressions_come_along(store: Store) -> None:
    put(store, ContactRow("a", "a@example.com"), ContactRow("b", "b@example.com"))
    with store.write() as connection:
        suppress(connection, [SuppressionRow(*place_of(store, "b"), "email", "hash", "bounced", NOW)])
    join(store, "a", "b")
    assert contact(store, "a").restricted
    assert rows_in(store, "suppression", "part", "contact_id", "address_hash") == [(*place_of(store, "a"), "hash")]


# ---------------------------------------------------------------- in the middle of flows


def lines(wiring: Wiring, flow: str = "welcome") -> list[tuple[Any, Any]]:
    return [
        (line["node"], line["port"])
        if "port" in line
        else (line.get("node", "end"), line.get("message", line.get("end")))
        for line in journal_lines(wiring, flow)
    ]


def sound(wiring: Wiring) -> bool:
    with wiring.store.read() as connection:
        versions = set(connection.scalars(sa.select(ENROLLMENT.c.version_id).distinct()))
        plans = [plan for id_ in versions if (plan := wiring.deployments.plan(connection, id_)) is not None]
        found = invariants.violations(connection, plans, wiring.store.parts, wiring.clock.micros())
    return not any(found.values()) or bool(pytest.fail(str(found)))


def days_later(wiring: Wiring) -> None:
    """Let the wait of a day pass, and all that follows."""
    for _ in range(2):
        pass_time(wiring, "25h")
        settle(wiring)


@pytest.mark.parametrize(("survivor", "other"), PAIRS)
def test_a_passage_goes_on_under_the_survivor(store: Store, survivor: str, other: str) -> None:
    """Only the other is in the flow: its messages, its wait and its past events are the survivor's from then on."""
    wiring = engine_on(store)
    go_live(wiring)
    add_contacts(wiring, survivor, other)
    happen(wiring, other, "signed_up")
    settle(wiring)
    happen(wiring, other, "used")
    pass_time(wiring, "2h")
    assert join(store, survivor, other, now=wiring.clock.micros())
    days_later(wiring)
    passed = lines(wiring)
    assert passed.count(("hello", "sent")) == 1
    assert passed.count(("thanks", "sent")) == 1
    assert ("nudge", "sent") not in passed
    assert passed[-1] == ("end", "completed")
    assert sound(wiring)
    assert {line["contact"] for line in journal_lines(wiring, "welcome")} == {survivor}
    assert {row[:2] for row in rows_in(store, "message", "part", "contact_id")} == {place_of(store, survivor)}
    assert rows_in(store, "token", "id") == []


@pytest.mark.parametrize(("survivor", "other"), PAIRS)
def test_of_two_passages_the_survivors_goes_on(store: Store, survivor: str, other: str) -> None:
    wiring = engine_on(store)
    go_live(wiring)
    add_contacts(wiring, survivor, other)
    happen(wiring, survivor, "signed_up")
    settle(wiring)
    pass_time(wiring, "1h")
    happen(wiring, other, "signed_up")
    settle(wiring)
    now = wiring.clock.micros()
    assert join(store, survivor, other, now=now)
    states = rows_in(store, "enrollment", "ordinal", "state", "ended_at")
    assert states == [(1, "active", None), (2, "merged", now)]
    assert len(rows_in(store, "token", "id")) == 1
    days_later(wiring)
    passed = lines(wiring)
    # Both had the first message before; the second goes to the survivor alone.
    assert (passed.count(("hello", "sent")), passed.count(("nudge", "sent"))) == (2, 1)
    assert sound(wiring)


def test_what_the_ended_passage_owes_is_not_sent(store: Store) -> None:
    wiring = engine_on(store)
    go_live(wiring)
    add_contacts(wiring, "a", "b")
    happen(wiring, "a", "signed_up")
    settle(wiring)
    happen(wiring, "b", "signed_up")
    tick(wiring)
    assert sorted(state for (state,) in rows_in(store, "message", "state")) == ["queued", "sent"]
    join(store, "a", "b", now=wiring.clock.micros())
    assert sorted(rows_in(store, "message", "state", "reason")) == [("sent", None), ("suppressed", "suppressed")]
    settle(wiring)
    assert len(rows_in(store, "inbox", "message_key")) == 1


def reentering(allow: str) -> dict[str, Any]:
    return {**WELCOME, "settings": {"reentry": {"allow": allow}}}


@pytest.mark.parametrize(
    ("allow", "ours", "states"),
    [
        ("once", "over", ["completed", "merged"]),
        ("after_exit", "over", ["active", "completed"]),
        ("after_exit", "inside", ["active", "merged"]),
        ("always", "inside", ["active", "active"]),
    ],
)
def test_what_reentry_allows_counts(store: Store, allow: str, ours: str, states: list[str]) -> None:
    wiring = engine_on(store)
    go_live(wiring, reentering(allow))
    add_contacts(wiring, "a", "b")
    happen(wiring, "a", "signed_up")
    settle(wiring)
    if ours == "over":
        days_later(wiring)
    happen(wiring, "b", "signed_up")
    settle(wiring)
    join(store, "a", "b", now=wiring.clock.micros())
    assert sorted(state for (state,) in rows_in(store, "enrollment", "state")) == states
    assert sorted(number for (number,) in rows_in(store, "enrollment", "ordinal")) == [1, 2]
    days_later(wiring)
    assert rows_in(store, "token", "id") == []


@pytest.mark.parametrize(("survivor", "other"), PAIRS)
def test_each_event_acts_once(store: Store, survivor: str, other: str) -> None:
    """What has acted does not act again; what has not, still does, whatever part it comes to."""
    wiring = engine_on(store)
    go_live(wiring, reentering("always"))
    add_contacts(wiring, survivor, other)
    happen(wiring, other, "signed_up")
    settle(wiring)
    assert len(rows_in(store, "enrollment", "id")) == 1
    happen(wiring, other, "signed_up")
    join(store, survivor, other, now=wiring.clock.micros())
    settle(wiring)
    settle(wiring)
    assert len(rows_in(store, "enrollment", "id")) == 2
    assert len(rows_in(store, "event", "id")) >= 2
    happen(wiring, survivor, "signed_up")
    settle(wiring)
    assert len(rows_in(store, "enrollment", "id")) == 3


@pytest.mark.parametrize(("survivor", "other"), PAIRS)
def test_links_of_messages_that_were_sent_still_lead_there(store: Store, survivor: str, other: str) -> None:
    wiring = engine_on(store)
    go_live(wiring)
    add_contacts(wiring, survivor, other, "third")
    happen(wiring, other, "signed_up")
    settle(wiring)
    (old,) = rows_in(store, "message", "part", "contact_id", "enrollment_id", "node", "passing")
    join(store, survivor, other, now=wiring.clock.micros())
    (new,) = rows_in(store, "message", "part", "contact_id", "enrollment_id", "node", "passing")
    with store.read() as connection:
        assert aliases.follow_message(connection, store.parts, old) == new
        assert aliases.follow_message(connection, store.parts, new) == new
        assert aliases.follow_message(connection, store.parts, (*new[:3], 99, 1)) is None
    assert {key for (key,) in rows_in(store, "inbox", "message_key")} == {"-".join(map(str, new))}
    # And once more.
    join(store, "third", survivor, now=wiring.clock.micros())
    (last,) = rows_in(store, "message", "part", "contact_id", "enrollment_id", "node", "passing")
    with store.read() as connection:
        assert aliases.follow_message(connection, store.parts, old) == last
        assert aliases.follow_message(connection, store.parts, new) == last


def test_exposures_and_conversions_are_kept_once(store: Store) -> None:
    put(store, ContactRow("a"), ContactRow("b"))
    ours, theirs = place_of(store, "a"), place_of(store, "b")
    with store.write() as connection:
        for (part, contact_id), variant, at in ((ours, "x", NOW + HOUR), (theirs, "y", NOW)):
            row = {"part": part, "contact_id": contact_id, "at": at}
            rekeying.write(connection, "exposure", [{**row, "experiment_id": 1, "variant": variant}])
            for subject in (1, contact_id + 100):
                goal = {"subject": subject, "enrollment_id": 0, "name": variant, "value": None}
                rekeying.write(connection, "conversion", [{**row, **goal}])
    join(store, "a", "b")
    assert rows_in(store, "exposure", "contact_id", "variant") == [(ours[1], "y")]
    assert sorted(name for (name,) in rows_in(store, "conversion", "name"))[:2] != ["x", "x"]
    assert ("y",) in rows_in(store, "conversion", "name")


def test_stays_in_segments_are_not_doubled(store: Store) -> None:
    put(store, ContactRow("a"), ContactRow("b"))
    with store.write() as connection:
        for (part, contact_id), segment, entered, left in (
            (place_of(store, "a"), 1, NOW, None),
            (place_of(store, "b"), 1, NOW - 1, None),
            (place_of(store, "b"), 1, NOW - 9, NOW - 5),
            (place_of(store, "b"), 2, NOW - 1, None),
        ):
            row = {
                "part": part,
                "contact_id": contact_id,
                "segment_id": segment,
                "entered_at": entered,
                "left_at": left,
            }
            rekeying.write(connection, "membership", [row])
    join(store, "a", "b")
    assert sorted(rows_in(store, "membership", "segment_id", "entered_at")) == [(1, NOW - 9), (1, NOW), (2, NOW - 1)]


def test_no_table_is_forgotten() -> None:
    named = {*rekeying.PLAIN, *rekeying.FIRST, *rekeying.APART}
    tables = {table.name for table in metadata.sorted_tables if "contact_id" in table.columns}
    assert tables == named


def test_nothing_is_left_of_the_other(store: Store) -> None:
    """One row in every table, moved to another part: nothing points at the old place."""
    put(store, *(ContactRow(f"c{number}") for number in range(12)))
    survivor, other = next(
        (one, two)
        for one in (f"c{number}" for number in range(12))
        for two in (f"c{number}" for number in range(12))
        if one != two and (store.parts == 1 or place_of(store, one)[0] != place_of(store, two)[0])
    )
    source, target = place_of(store, other), place_of(store, survivor)
    with store.write() as connection:
        for name in (*rekeying.PLAIN, *rekeying.FIRST, "consent", "event", "exposure", "membership"):
            rekeying.write(connection, name, [_sample(rekeying.table(name), source)])
    join(store, survivor, other)
    with store.read() as connection:
        for name in (*rekeying.PLAIN, *rekeying.FIRST, "consent", "event", "exposure", "membership"):
            assert rekeying.read(connection, name, source) == [], name
            assert len(rekeying.read(connection, name, target)) == 1, name


def _sample(table: sa.Table, place: Place) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in table.columns:
        if isinstance(column.type, sa.Text):
            row[column.name] = "x"
        elif isinstance(column.type, sa.Float):
            row[column.name] = 1.5
        elif isinstance(column.type, sa.Integer):
            row[column.name] = 1
        else:
            row[column.name] = {}
    row |= {"part": place[0], "contact_id": place[1]}
    special: dict[str, dict[str, Any]] = {
        "consent": {"state": "granted"},
        "delivery": {"outcome": "sent"},
        "enrollment": {"state": "completed"},
        "inbox": {"message_key": f"{place[0]}-{place[1]}-1-1-1"},
        "message": {"state": "sent"},
        "suppression": {"reason": "bounced"},
        "task": {"state": "open"},
        "token": {"state": "waiting"},
        "transfer": {"rest": "waiting"},
    }
    return {**row, **special.get(table.name, {})}


def test_pairs_lie_together_and_apart() -> None:
    assert [home(one, 4) == home(two, 4) for one, two in PAIRS] == [True, False]


def test_names_that_other_rooms_use() -> None:
    assert rekeying.EVENT_CURSOR == arrivals.CURSOR
    assert consents.ALL == "*"
