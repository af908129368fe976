"""The law of parts: what a contact's work touches lies in one part, so that the store can be spread along them.

The tables are looked at as they are declared; the statements as they are run, while contacts come, move and get mail.
"""

import runpy
from collections.abc import Iterator
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement

from engine.api.ingest import open_ingest
from engine.api.keys import create_key
from engine.people.contacts import home
from engine.schedule import work
from engine.store.prepared import Prepared
from engine.store.session import Store
from engine.store.tables import Contact, Event, Message, Token, metadata
from tests.law.sources import ROOT
from tests.law.test_migrations import WHOLE
from tests.support.engines import add_contacts, engine_on, go_live, pass_time, settle

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]

SPREAD: Final = [table for table in metadata.sorted_tables if table.name not in WHOLE]

COMPARES: Final = (operators.eq, operators.in_op)

# What begins so → why it goes over all parts
OVER_ALL: Final[dict[str, str]] = {}


# ---------------------------------------------------------------- tables


def test_every_key_has_the_part() -> None:
    assert [name for table in SPREAD for name in _keys_without(table)] == []


def test_no_reference_leaves_its_part() -> None:
    assert [str(each) for table in metadata.sorted_tables for each in _leaving(table)] == []


def test_the_database_numbers_nothing() -> None:
    # One counter for all parts would be one row for which all wait.
    counted = [
        str(column)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.identity is not None
        or isinstance(column.default, sa.Sequence)
        or column is table.autoincrement_column
    ]
    assert counted == []


def test_a_key_without_the_part_is_seen() -> None:
    base = sa.MetaData()
    part, number = sa.Column("part", sa.Integer, primary_key=True), sa.Column("id", sa.Integer, primary_key=True)
    mail = sa.Column("mail", sa.Text, unique=True)
    table = sa.Table("t", base, part, number, mail, sa.Index("ix_t", "mail", unique=True))
    assert _keys_without(table) == ["t ['mail']", "t ['mail']"]
    other = sa.Table("o", base, sa.Column("part", sa.Integer), sa.Column("t_id", sa.ForeignKey("t.id")))
    assert len(list(_leaving(other))) == 1


def test_a_key_leads_to_its_part() -> None:
    # What must be unique over all parts is so because its own hash names the part.
    assert len({home(f"c{number}", 64) for number in range(1_000)}) == 64
    assert home("ann", 64) == home("ann", 64)


def test_the_script_for_citus_has_all_tables() -> None:
    script = runpy.run_path(str(ROOT / ".ci" / "citus.py"))
    assert (ROOT / "deploy" / "citus.sql").read_text(encoding="utf-8") == script["text"]()
    assert set(script["REFERENCE"]) <= WHOLE


def _keys_without(table: sa.Table) -> list[str]:
    kinds = (sa.PrimaryKeyConstraint, sa.UniqueConstraint)
    keys = [[column.name for column in each.columns] for each in table.constraints if isinstance(each, kinds)]
    keys += [[column.name for column in each.columns] for each in table.indexes if each.unique]
    return [f"{table.name} {key}" for key in keys if "part" not in key]


def _leaving(table: sa.Table) -> Iterator[sa.ForeignKeyConstraint]:
    for each in table.foreign_key_constraints:
        pairs = {(element.parent.name, element.column.name) for element in each.elements}
        if ("part", "part") not in pairs:
            yield each


# ---------------------------------------------------------------- statements


def test_what_is_done_for_contacts_names_their_part(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = engine_on(store)
    go_live(wiring)
    secret = create_key(wiring, "site").key
    add_contacts(wiring, "ann", "bob")
    seen: dict[str, ClauseElement] = {}
    run = Prepared.run

    def recording(self: Prepared, *given: Any) -> Any:
        seen[self.sql] = self.statement
        return run(self, *given)

    def asked(_connection: Any, statement: Any, *_: Any) -> None:
        if isinstance(statement, ClauseElement):
            seen[str(statement.compile(store.engine))] = statement

    monkeypatch.setattr(Prepared, "run", recording)
    sa.event.listen(store.engine, "before_execute", asked)
    ingest = open_ingest(store, wiring.clock, start=False)
    body = b'{"userId": "%s", "event": "%s", "messageId": "%s"}'
    for number, said in enumerate(((b"ann", b"signed_up"), (b"bob", b"signed_up"), (b"ann", b"used"))):
        ingest.take("track", secret, body % (*said, b"m%d" % number))
        ingest.intake.drain()
        settle(wiring)
    pass_time(wiring, "1d")
    settle(wiring)
    work.judge_once(wiring)
    sa.event.remove(store.engine, "before_execute", asked)
    used = {table.name for statement in seen.values() for table in _tables(statement)}
    assert {"contact", "event", "token", "enrollment", "journal", "message", "delivery"} <= used
    loose = {text: names for text, statement in seen.items() if (names := _loose(statement))}
    assert {text: names for text, names in loose.items() if not text.startswith(tuple(OVER_ALL))} == {}
    assert len(loose) == len(OVER_ALL)


@pytest.mark.parametrize(
    ("statement", "loose"),
    [
        (sa.select(TOKEN.c.id).where(TOKEN.c.part == 3), []),
        (sa.select(TOKEN.c.id), ["token"]),
        (sa.select(TOKEN.c.id).join(CONTACT, TOKEN.c.contact_id == CONTACT.c.id).where(TOKEN.c.part == 3), ["contact"]),
        (TOKEN.delete().where(TOKEN.c.part == 3, sa.exists().where(MESSAGE.c.contact_id == TOKEN.c.id)), ["message"]),
        (EVENT.insert().values(id=1), ["event"]),
        (EVENT.update().values(at=1).where(EVENT.c.id == 1, EVENT.c.part.in_([1, 2])), []),
    ],
)
def test_a_statement_without_the_part_is_seen(statement: ClauseElement, loose: list[str]) -> None:
    assert _loose(statement) == loose


def _loose(statement: ClauseElement) -> list[str]:
    """Name the tables of a statement whose part is neither given nor that of another table."""
    bound = {column.table for column in _compared(statement)}
    if isinstance(statement, sa.Insert) and _fills_part(statement):
        bound.add(statement.table)
    return sorted({str(table.name) for table in _tables(statement) if table not in bound})


def _tables(statement: ClauseElement) -> set[Any]:
    found: set[Any] = {statement.table} if isinstance(statement, sa.Insert | sa.Update | sa.Delete) else set()
    found |= {each.table for each in visitors.iterate(statement) if isinstance(each, sa.Column)}
    return {table for table in found if _is_spread(table)}


def _is_spread(table: Any) -> bool:
    plain = table.element if isinstance(table, sa.sql.expression.Alias) else table
    # What an upsert was to insert goes by the name of "excluded": its key is the row's own.
    is_ours = isinstance(plain, sa.Table) and plain.metadata is metadata and table.name != "excluded"
    return is_ours and "part" in plain.c


def _compared(statement: ClauseElement) -> Iterator[Any]:
    """Give the columns ``part`` that are compared with something."""
    for each in visitors.iterate(statement):
        if isinstance(each, BinaryExpression) and each.operator in (
            operators.eq,
            operators.in_op,
            operators.between_op,
        ):
            for side in (each.left, each.right):
                yield from (one for one in visitors.iterate(side) if getattr(one, "name", "") == "part" and _owned(one))


def _owned(column: Any) -> bool:
    return getattr(column, "table", None) is not None


def _fills_part(statement: sa.Insert) -> bool:
    names = set(statement._select_names or ()) | {getattr(name, "name", name) for name in statement._values or ()}
    many = any(statement._multi_values)
    # Without values of its own an INSERT takes those it is run with, all columns of a row.
    return "part" in names or many or not names
