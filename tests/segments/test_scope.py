"""Where compiled rules stand: in waves with an instant a row, behind indexes, within bounds."""

from typing import Any

import pytest
import sqlalchemy as sa

from engine.errors import RuleError
from engine.rules.evaluate import holds
from engine.rules.facts import EventFact, Facts, MessageFact
from engine.rules.model import Rule
from engine.rules.parse import parse_rule
from engine.segments.compile import LARGEST, compile_rule
from engine.segments.flips import next_flip
from engine.store.prepared import Prepared, parameter
from engine.store.session import Store
from engine.store.tables import Contact
from engine.terms import DAY, HOUR
from tests.rules.worlds import NOW, SEGMENT_RULES, contact
from tests.segments.people import ENROLLMENT, PART, TABLES, ask, at, fill, scope

CONTACT = TABLES[Contact]
WAVE = sa.Table(
    "rule_wave",
    sa.MetaData(),
    *(sa.Column(name, sa.BigInteger) for name in ("contact_id", "enrollment_id", "now", "yes", "flip")),
    prefixes=["TEMPORARY"],
)
RULES = [
    {"event": "paid", "within": "3d"},
    {"event": "paid", "count": {"op": "is", "value": 2}, "within": "3d", "where": {"seats": {"op": "gt", "value": 1}}},
    {"no_event": "paid", "within": "3d"},
    {"event": "paid", "followed_by": {"event": "opened_app"}, "within": "2d"},
    {"event": "paid", "not_followed_by": {"event": "opened_app"}, "within": "2d"},
    {"attr": "renewal", "op": "within_last", "value": "2d"},
    {"attr": "account.size", "op": "gte", "value": 200},
    {"attr": "langs", "op": "has_any", "value": ["zh"]},
    {
        "all": [
            {"message": "day1", "did": "opened"},
            {"not": {"tag": "客户"}},
            {"consent": "news"},
            {"segment": "nested"},
        ]
    },
]


def person(days: int) -> Facts:
    events = [EventFact(NOW - days * DAY, 1, "paid", {"seats": days}), EventFact(NOW - HOUR, 2, "opened_app")]
    messages = [MessageFact("day1", receipts={"opened": NOW - 5 * HOUR})]
    return contact(events=events, messages=messages, attributes={"renewal": "2026-03-08", "langs": ["ZH"]})


PEOPLE = [person(days) for days in range(6)]
INSTANTS = [NOW - 6 * HOUR, NOW, NOW + DAY]


def gather(connection: sa.Connection) -> list[tuple[Facts, int]]:
    """Fill a wave: every contact at several instants."""
    fill(connection, PEOPLE)
    WAVE.create(connection)
    members = [(number, now) for number in range(1, len(PEOPLE) + 1) for now in INSTANTS]
    rows = [{"contact_id": number, "enrollment_id": ENROLLMENT, "now": now} for number, now in members]
    connection.execute(WAVE.insert(), rows)
    return [(PEOPLE[number - 1], now) for number, now in members]


def verdicts(connection: sa.Connection) -> list[bool]:
    return [bool(yes) for yes in connection.scalars(sa.select(WAVE.c.yes).order_by(WAVE.c.contact_id, WAVE.c.now))]


def of_contact(expression: Any, person: sa.FromClause) -> sa.ScalarSelect[Any]:
    found = sa.select(expression).where(person.c.part == PART, person.c.id == WAVE.c.contact_id)
    return found.scalar_subquery()


def test_each_member_of_a_wave_has_its_own_instant(store: Store) -> None:
    person = CONTACT.alias()
    inside = scope(WAVE.c.now, person, part=parameter("part"), enrollment_id=WAVE.c.enrollment_id)
    with store.write() as connection:
        members = gather(connection)
        for rule in map(parse_rule, RULES):
            verdict = of_contact(sa.case((compile_rule(rule, inside), 1), else_=0), person)
            Prepared(WAVE.update().values(yes=verdict), store.name).run(connection, {"part": PART})
            assert verdicts(connection) == [holds(rule, person, now) for person, now in members]


def test_rules_stand_in_updates_from_a_wave(store: Store) -> None:
    inside = scope(WAVE.c.now, CONTACT, enrollment_id=WAVE.c.enrollment_id)
    with store.write() as connection:
        members = gather(connection)
        for rule in map(parse_rule, RULES):
            flip = next_flip(rule, inside)
            yes = sa.case((compile_rule(rule, inside), 1), else_=0)
            change = WAVE.update().values(yes=yes, flip=sa.null() if flip is None else flip)
            connection.execute(change.where(CONTACT.c.part == PART, CONTACT.c.id == WAVE.c.contact_id))
            assert verdicts(connection) == [holds(rule, person, now) for person, now in members]


def test_events_are_found_by_their_index(sqlite_store: Store) -> None:
    for rule in map(parse_rule, RULES[:5]):
        for expression in (compile_rule(rule, scope(at(NOW))), next_flip(rule, scope(at(NOW)))):
            if expression is not None:
                check_plan(sqlite_store, expression)


def check_plan(store: Store, expression: Any) -> None:
    asked = sa.select(expression).select_from(CONTACT).where(CONTACT.c.part == PART)
    text = str(asked.compile(store.engine, compile_kwargs={"literal_binds": True}))
    with store.read() as connection:
        plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    on_events = [step for step in plan if "event_" in step and "ix_event" in step]
    assert on_events
    assert all("INDEX ix_event_contact (part=? AND contact_id=? AND name=?" in step for step in on_events), plan
    assert not any(step.startswith("SCAN event") or "TEMP B-TREE" in step for step in plan)


def test_other_parts_are_not_seen(store: Store) -> None:
    rule = parse_rule({"any": [{"event": "paid"}, {"tag": "vip"}, {"message": "day1", "did": "sent"}]})
    with store.write() as connection:
        fill(connection, [person(1)])
        here = ask(connection, [compile_rule(rule, scope(at(NOW)))])
        there = ask(connection, [compile_rule(rule, scope(at(NOW), part=sa.literal(PART + 1, sa.BigInteger)))])
    assert (bool(here[0][0]), bool(there[0][0])) == (True, False)


def test_messages_are_unknown_outside_of_an_enrollment(store: Store) -> None:
    sent = parse_rule({"message": "day1", "did": "sent"})
    with store.write() as connection:
        fill(connection, [person(1)])
        expressions = [
            compile_rule(sent, scope(at(NOW))),
            compile_rule(sent, scope(at(NOW), enrollment_id=None)),
            compile_rule(sent, scope(at(NOW), enrollment_id=at(ENROLLMENT + 1))),
            compile_rule(parse_rule({"segment": "s"}), scope(at(NOW), segments={"s": sent})),
        ]
        assert [bool(yes) for yes in ask(connection, expressions)[0]] == [True, False, False, False]


def test_wide_rules_are_no_deeper(store: Store) -> None:
    # SQLite takes a thousand in a row.
    parts = [{"stage": f"s{number}"} for number in range(1_050)]
    wide = [{"any": parts}, {"all": [{"not": part} for part in parts]}]
    with store.write() as connection:
        fill(connection, [contact(stage="s1049"), contact(stage="s1050")])
        found = ask(connection, [compile_rule(parse_rule(raw), scope(at(NOW))) for raw in wide])
    assert [tuple(map(bool, row)) for row in found] == [(True, False), (False, True)]


def test_deep_rules_are_taken(store: Store) -> None:
    rule: dict[str, Any] = {"tag": "vip"}
    for level in range(60):
        rule = ({"not": rule}, {"all": [rule, {"all": []}]}, {"any": [rule, {"any": []}]})[level % 3]
    with store.write() as connection:
        fill(connection, [contact(tags=frozenset({"vip"})), contact()])
        found = [bool(yes) for (yes,) in ask(connection, [compile_rule(parse_rule(rule), scope(at(NOW)))])]
    assert found == [True, False]


def refused(rule: dict[str, Any], segments: dict[str, Rule]) -> str:
    for make in (compile_rule, next_flip):
        with pytest.raises(RuleError) as caught:
            make(parse_rule(rule), scope(at(NOW), segments=segments))
    return caught.value.message


def test_what_cannot_be_compiled_is_refused() -> None:
    circle = {"a": parse_rule({"segment": "b"}), "b": parse_rule({"any": [{"segment": "a"}]})}
    assert "contains itself" in refused({"segment": "a"}, circle)
    assert "no segment" in refused({"not": {"segment": "none"}}, SEGMENT_RULES)
    doubling = {f"s{n}": parse_rule({"any": [{"segment": f"s{n + 1}"}] * 2}) for n in range(40)}
    assert str(LARGEST) in refused({"segment": "s0"}, {**doubling, "s40": parse_rule({"tag": "a"})})
    with pytest.raises(RuleError, match="no node"):
        compile_rule(parse_rule({"message": "none", "did": "sent"}), scope(at(NOW)))
