"""The temporary tables of a wave: they live in one connection and are empty between transactions."""

from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.estimates import WAVE as WAVE_ROWS
from engine.store.estimates import estimate
from engine.store.expressions import emptied
from engine.store.prepared import Prepared, parameter

_metadata = sa.MetaData()
# Codes are compared by their bytes; a database's own collation may sort signs elsewhere.
_CODE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _table(name: str, *columns: sa.schema.SchemaItem, **options: Any) -> sa.Table:
    return sa.Table(name, _metadata, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="PRESERVE ROWS", **options)


def _int(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _key(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


WAVE = _table(
    "wave",
    # Clustered by contact: rows worked out in Python find their members, and tokens of one enrollment each other.
    _key("contact_id"),
    _key("token_id"),
    _int("enrollment_id"),
    _int("started_at"),
    _int("hash"),
    sa.Column("zone", sa.Text, nullable=True),
    _int("now"),
    _int("due_at"),
    _int("since"),
    sa.Column("woken", sa.SmallInteger, nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("node", sa.Integer, nullable=False),
    sa.Column("fresh", sa.SmallInteger, nullable=False),
    sa.Column("touched", sa.SmallInteger, nullable=False),
    sa.Column("step", _CODE, nullable=False),
    sa.Column("path", _CODE, nullable=False),
    _int("until", nullable=True),
    sa.Column("mark", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""One row is a token in the wave; ``now`` is its own instant, ``step`` the code of where it went last."""

TURN = _table("turn", _key("contact_id"), _int("at"), sqlite_with_rowid=False)
"""One row is a contact whose turn it is, and the instant at which."""

ARRIVAL = _table(
    "arrival",
    _int("contact_id"),
    _int("id"),
    sa.Column("name", sa.Text, nullable=False),
    _int("at"),
    _int("now"),
    sa.Column("instant", sa.Integer, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),
)
"""One row is an event that has come: ``instant`` counts the contact's instants in this batch, ``turn`` the events
of the contact at that instant."""

ENTRANT = _table("entrant", _int("contact_id"), _int("now"))
"""One row is a contact that wants to come in by a trigger."""

TOUCHED = _table("touched", _int("contact_id"), _int("now"))
"""One row is a contact whose facts changed, or for whom time may have changed a rule."""

VERDICT = _table(
    "verdict",
    _key("contact_id"),
    _int("now"),
    sa.Column("holds", sa.Boolean, nullable=False),
    _int("flip", nullable=True),
)
"""One row is whether a contact matches a segment now, and when time alone may change that."""

DIRECT = _table(
    "direct",
    sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
    _int("token_id"),
    _int("enrollment_id"),
    _int("started_at"),
    _int("now"),
    _int("due_at"),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("way", sa.Integer, nullable=False),
    sa.Column("sound", sa.Integer, nullable=False),
    # SQLite finds rows by it; PostgreSQL joins whole sets and would pay for an index at every row.
    sa.PrimaryKeyConstraint("contact_id").ddl_if(dialect="sqlite"),
)
"""One row is a token that goes from rest to rest by a way that is known beforehand: see ``engine.run.ways``."""

MOMENT = _table(
    "moment",
    sa.Column("node", sa.Integer, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    _int("now"),
    _int("started_at"),
    _int("until", nullable=True),
    sa.PrimaryKeyConstraint("node", "zone", "now", "started_at"),
    sqlite_with_rowid=False,
)
"""One row is the instant that a node asked for in a zone, by a member's now and when it came in, 0 where that is one;
``until`` is NULL where there is none."""

STATE: Final = "dripline_wave"
"""The key under which a connection remembers what its temporary tables are like."""

ALL = (WAVE, DIRECT, MOMENT, TURN, ARRIVAL, ENTRANT, TOUCHED, VERDICT)

MANY = 1_000
"""Rows that are deleted at the price of truncating, which makes new files: milliseconds whatever is in the table."""


@dataclass
class _State:
    """What a connection's temporary tables are like: those in use, and rows deleted since each was truncated."""

    used: set[str] = field(default_factory=set)
    worn: dict[str, int] = field(default_factory=dict)


_clear: dict[tuple[str, str, bool], Prepared] = {}


def prepare(connection: Connection) -> None:
    """Make the temporary tables of a connection if it has none, and see that they are empty.

    Cost: on a connection that has them, one statement for each table that was used since.
    """
    state = connection.info.get(STATE)
    if state is None:
        state = connection.info[STATE] = _State()
        for table in ALL:
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
            _empty(connection, table)
        estimate(connection, ALL, rows=WAVE_ROWS, temporary=True)
    for table in ALL:
        if table.name in state.used:
            _empty(connection, table)
    state.used.clear()


def clear(connection: Connection, table: sa.Table) -> None:
    """Empty a temporary table that is about to be filled."""
    state: _State = connection.info[STATE]
    if table.name in state.used:
        _empty(connection, table)
    state.used.add(table.name)


def _empty(connection: Connection, table: sa.Table) -> None:
    """Delete the rows while they are few; where they were many lately, truncate."""
    worn = connection.info[STATE].worn
    rows = worn.get(table.name, 0)
    deleted = _emptying(connection.dialect.name, table, whole=rows > MANY).run(connection, {}).rowcount
    # A truncation makes up for so many rows: large waves truncate nearly always, small ones now and then.
    worn[table.name] = rows - MANY if rows > MANY else rows + max(0, deleted)


def _emptying(dialect: str, table: sa.Table, *, whole: bool) -> Prepared:
    found = _clear.get((table.name, dialect, whole))
    if found is None:
        statement = emptied(table) if whole else table.delete()
        found = _clear[table.name, dialect, whole] = Prepared(statement, dialect)
    return found


ENTERED = 3
"""What ``token.woken`` says of a token that has just come in."""

PART = parameter("at_part")
VERSION = parameter("version_id")
NOW = parameter("now")
DUE = parameter("due")
"""Up to when a token must be due to be moved: all that happened until then has acted."""
