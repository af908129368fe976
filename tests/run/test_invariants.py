from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.run.invariants import INVARIANTS, violations
from engine.store.session import Store
from engine.store.tables import AuditEntry, Consent, Contact, Enrollment, Journal, Message, Passage, Token
from engine.terms import DAY, HOUR
from engine.wiring import Wiring
from tests.support.engines import (
    EVENT,
    add_contacts,
    engine_on,
    go_live,
    happen,
    pass_time,
    settle,
    signed_up,
    tick,
)

AUDIT: sa.Table = AuditEntry.__table__  # type: ignore[attr-defined]
CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
CONSENT: sa.Table = Consent.__table__  # type: ignore[attr-defined]
ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
JOURNAL: sa.Table = Journal.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
PASSAGE: sa.Table = Passage.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]

PARALLEL: dict[str, Any] = {
    "dripline": 1,
    "key": "parallel",
    "settings": {"reentry": {"allow": "always"}},
    "nodes": [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "left", "type": "wait.delay", "config": {"duration": "1d"}},
        {"id": "right", "type": "wait.event", "config": {"event": "used", "timeout": "3d"}},
        {"id": "meet", "type": "path.join"},
        {"id": "mail", "type": "send.email", "config": {"subject": "S", "text": "T"}},
        {"id": "rest", "type": "wait.delay", "config": {"duration": "2d"}},
        {"id": "both", "type": "send.sms", "config": {"text": "T"}},
    ],
    "edges": [
        {"from": "start", "to": "left"},
        {"from": "start", "to": "right"},
        {"from": "left", "to": "meet"},
        {"from": "left", "to": "both"},
        {"from": "right", "port": "happened", "to": "meet"},
        {"from": "right", "port": "timeout", "to": "meet"},
        {"from": "meet", "to": "mail"},
        {"from": "mail", "to": "rest"},
        {"from": "rest", "to": "both"},
    ],
}


def lived_in(store: Store) -> Wiring:
    """Give an engine in which all kinds of things have happened, and nothing is due."""
    wiring = engine_on(store)
    go_live(wiring)
    go_live(wiring, PARALLEL)
    keys = [f"c{number}" for number in range(6)]
    add_contacts(wiring, *keys)
    for key in keys:
        happen(wiring, key, "signed_up")
    settle(wiring)
    for day in range(4):
        pass_time(wiring, "1d")
        happen(wiring, keys[day], "used")
        happen(wiring, keys[day], "signed_up")
        settle(wiring)
    happen(wiring, "c5", "bought")
    settle(wiring)
    return wiring


class _UndoneError(Exception):
    """Rolls a seeded violation back."""


@contextmanager
def undone(store: Store) -> Iterator[Connection]:
    with suppress(_UndoneError), store.write() as connection:
        yield connection
        raise _UndoneError


def broken(wiring: Wiring, only: str | None = None) -> dict[str, int]:
    with wiring.store.read() as connection:
        plans = wiring.deployments.plans_of(connection).values()
        found = violations(
            connection, plans, wiring.store.parts, wiring.clock.micros(), None if only is None else [only]
        )
    return {code: count for code, count in found.items() if count}


def test_a_sound_store_breaks_nothing(store: Store) -> None:
    wiring = lived_in(store)
    assert broken(wiring) == {}
    with store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(JOURNAL)) > 30  # type: ignore[operator]


def test_paths_that_part_right_before_a_wait_break_nothing(store: Store) -> None:
    wiring = engine_on(store)
    nodes = [{"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}}]
    nodes += [{"id": name, "type": "wait.delay", "config": {"duration": "1d"}} for name in ("left", "right")]
    edges = [{"from": "start", "to": name} for name in ("left", "right")]
    go_live(wiring, {"dripline": 1, "key": "parting", "nodes": nodes, "edges": edges})
    add_contacts(wiring, "ann")
    happen(wiring, "ann", "signed_up")
    settle(wiring)
    assert broken(wiring) == {}


def test_an_empty_store_breaks_nothing(store: Store) -> None:
    assert broken(engine_on(store)) == {}


def _first(connection: Connection, table: sa.Table, *wanted: Any) -> Any:
    return connection.execute(sa.select(table).where(*wanted).order_by(*table.primary_key)).mappings().first()


def _same(table: sa.Table, row: Any) -> list[sa.ColumnElement[bool]]:
    return [column == row[column.name] for column in table.primary_key]


def _change(connection: Connection, table: sa.Table, *wanted: Any, **values: Any) -> None:
    row = _first(connection, table, *wanted)
    assert row is not None
    connection.execute(table.update().values(values).where(*_same(table, row)))


def _lose_token(connection: Connection) -> None:
    row = _first(connection, TOKEN)
    connection.execute(TOKEN.delete().where(*_same(TOKEN, row)))
    connection.execute(TOKEN.delete().where(TOKEN.c.part == row["part"], TOKEN.c.enrollment_id == row["enrollment_id"]))


def _overdue(connection: Connection) -> None:
    _change(connection, TOKEN, TOKEN.c.state == "waiting", due_at=HOUR)


def _stale_intent(connection: Connection) -> None:
    _change(connection, MESSAGE, MESSAGE.c.state == "sent", state="sending", sent_at=None, intent_at=HOUR)


def _step_twice(connection: Connection) -> None:
    row = dict(_first(connection, JOURNAL, sa.func.length(JOURNAL.c.steps) > 8))
    connection.execute(JOURNAL.update().values(steps=row["steps"] + row["steps"][4:]).where(*_same(JOURNAL, row)))


def _hole(connection: Connection) -> None:
    row = _first(connection, JOURNAL, JOURNAL.c.seq == 1)
    connection.execute(JOURNAL.delete().where(*_same(JOURNAL, row)))


def _astray(connection: Connection) -> None:
    row = _first(connection, JOURNAL, sa.func.length(JOURNAL.c.steps) > 8)
    steps = row["steps"][:-4] + "0fe0"
    connection.execute(JOURNAL.update().values(steps=steps).where(*_same(JOURNAL, row)))


def _misplaced(connection: Connection) -> None:
    _change(connection, TOKEN, TOKEN.c.seq > 0, node=0)


def _early(connection: Connection) -> None:
    row = _first(connection, JOURNAL, JOURNAL.c.seq == 2)
    connection.execute(JOURNAL.update().values(at=JOURNAL.c.at - 3 * DAY).where(*_same(JOURNAL, row)))


def _early_message(connection: Connection) -> None:
    row = _first(connection, MESSAGE, MESSAGE.c.state == "sent")
    connection.execute(MESSAGE.update().values(intent_at=MESSAGE.c.due_at - 1).where(*_same(MESSAGE, row)))


def _unsent(connection: Connection) -> None:
    connection.execute(MESSAGE.delete().where(*_same(MESSAGE, _first(connection, MESSAGE))))


def _sent_twice(connection: Connection) -> None:
    row = dict(_first(connection, MESSAGE))
    connection.execute(MESSAGE.insert().values({**row, "passing": 77}))


def _doubled_key(connection: Connection) -> None:
    row = dict(_first(connection, CONTACT))
    connection.execute(CONTACT.insert().values({**row, "part": 63, "id": 900}))


def _contradiction(connection: Connection) -> None:
    row = _first(connection, MESSAGE, MESSAGE.c.state == "sent")
    connection.execute(MESSAGE.update().values(sent_at=MESSAGE.c.intent_at - 1).where(*_same(MESSAGE, row)))


def _unwanted(connection: Connection) -> None:
    row = _first(connection, MESSAGE, MESSAGE.c.state == "sent", MESSAGE.c.channel == "email")
    said = {"topic": "*", "channel": "email", "state": "withdrawn", "source": "test", "at": row["intent_at"] - HOUR}
    connection.execute(CONSENT.insert().values(part=row["part"], contact_id=row["contact_id"], **said))


def _doubled_event(connection: Connection) -> None:
    row = dict(_first(connection, EVENT))
    connection.execute(EVENT.insert().values({**row, "part": 63, "id": 900}))


def _crowded(connection: Connection) -> None:
    row = dict(_first(connection, ENROLLMENT, ENROLLMENT.c.version_id == 1))
    for number in (901, 902):
        connection.execute(
            ENROLLMENT.insert().values({**row, "id": number, "state": "active", "ended_at": None, "ordinal": number})
        )


def _scattered(connection: Connection) -> None:
    row = dict(_first(connection, EVENT))
    connection.execute(EVENT.insert().values({**row, "contact_id": 900, "id": 900, "message_id": "elsewhere"}))


def _miscounted(connection: Connection) -> None:
    row = _first(connection, PASSAGE)
    connection.execute(PASSAGE.update().values(passed=PASSAGE.c.passed + 1).where(*_same(PASSAGE, row)))


def _audit_rewritten(connection: Connection) -> None:
    _change(connection, AUDIT, subject="another flow")


def _audit_shortened(connection: Connection) -> None:
    connection.execute(AUDIT.delete().where(AUDIT.c.id == 2))


SEEDS: list[tuple[str, Callable[[Connection], None]]] = [
    ("I01", _lose_token),
    ("I02", _overdue),
    ("I03", _stale_intent),
    ("I04", _step_twice),
    ("I05", _hole),
    ("I06", _astray),
    ("I07", _misplaced),
    ("I08", _early),
    ("I08", _early_message),
    ("I09", _unsent),
    ("I09", _sent_twice),
    ("I10", _doubled_key),
    ("I11", _contradiction),
    ("I12", _unwanted),
    ("I13", _doubled_event),
    ("I14", _crowded),
    ("I15", _scattered),
    ("I16", _miscounted),
    ("I17", _audit_rewritten),
    ("I17", _audit_shortened),
]


def test_every_invariant_sees_its_own_violation(store: Store) -> None:
    wiring = lived_in(store)
    unseen = []
    for code, seed in SEEDS:
        with undone(store) as connection:
            seed(connection)
            plans = wiring.deployments.plans_of(connection).values()
            found = violations(connection, plans, store.parts, wiring.clock.micros(), [code])
            unseen += [seed.__name__] if found[code] == 0 else []
    assert unseen == []
    assert {code for code, _ in SEEDS} == {each.code for each in INVARIANTS}
    assert broken(wiring) == {}


def test_consent_that_was_given_again_allows(store: Store) -> None:
    wiring = lived_in(store)
    with store.write() as connection:
        row = _first(connection, MESSAGE, MESSAGE.c.state == "sent", MESSAGE.c.channel == "email")
        for topic, state, before in (("*", "withdrawn", 2 * HOUR), ("marketing", "granted", HOUR)):
            connection.execute(
                CONSENT.insert().values(
                    part=row["part"],
                    contact_id=row["contact_id"],
                    topic=topic,
                    channel="*",
                    state=state,
                    source="test",
                    at=row["intent_at"] - before,
                )
            )
    assert broken(wiring, "I12") == {}


def test_a_failed_token_is_no_violation(store: Store) -> None:
    wiring = signed_up(store, "ann")
    tick(wiring)
    assert broken(wiring) == {}
