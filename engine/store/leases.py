"""Have something until an instant of the database's clock: one's own life, the lead, or what one is at just now.

A lease needs nobody to end it. Whoever held one and was stopped for longer finds that its epoch is over.
"""

from collections.abc import Collection
from datetime import timedelta
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.dialect import database_now, upsert
from engine.store.prepared import Prepared, parameter
from engine.store.session import Store
from engine.store.tables import Lease
from engine.terms import DAY, Micros, length_micros

LEASE: sa.Table = Lease.__table__  # type: ignore[attr-defined]

TERM: Final = timedelta(seconds=8)
"""How long a process may be silent before others take over what it had."""

LEADER: Final = "leader"

_RESERVED: Final = sa.and_(LEASE.c.name != LEASE.c.owner, LEASE.c.name != LEADER)
"""All leases but those of processes and of the lead: what somebody is at just now."""

_LAX: Final = "SET LOCAL synchronous_commit = off"


def hold(connection: Connection, name: str, owner: str, term: timedelta = TERM) -> int | None:
    """Take or renew a lease; give its epoch, or None while another owner's runs.

    Cost: one statement.
    """
    given = {"name": name, "owner": owner, "term": length_micros(term)}
    found = _hold(connection.dialect.name).run(connection, given).scalar()
    return None if found is None else int(found)


def reserve(store: Store, name: str, owner: str, term: timedelta) -> bool:
    """Take or renew a lease that only keeps others from doing the same in vain; false while another owner's runs.

    Shape: always true on SQLite. Cost: two statements in a transaction that does not wait for the disk, since a server
    that crashes may forget it.
    """
    if store.name == "sqlite":
        return True
    with store.write() as connection:
        connection.exec_driver_sql(_LAX)
        return hold(connection, name, owner, term) is not None


def leave(store: Store, owners: Collection[str], names: Collection[str] | None = None) -> None:
    """End reservations at once, all or those of these names: others may go there now.

    Cost: two statements on PostgreSQL, as ``reserve``.
    """
    if not owners or store.name == "sqlite":
        return
    mine = [_RESERVED, LEASE.c.owner.in_(sorted(owners))]
    if names is not None:
        mine.append(LEASE.c.name.in_(sorted(names)))
    with store.write() as connection:
        connection.exec_driver_sql(_LAX)
        connection.execute(LEASE.update().values(until=0).where(*mine))


def reservers(connection: Connection) -> list[str]:
    """List those who have reserved something for now.

    Cost: one statement.
    """
    chosen = sa.select(LEASE.c.owner).where(_RESERVED, LEASE.c.until > database_now())
    return list(connection.scalars(chosen.distinct()))


def is_held(connection: Connection, name: str, owner: str, epoch: int) -> bool:
    """Tell whether a lease is still that of an owner and epoch, and keep it so until the transaction ends."""
    mine = [LEASE.c.name == name, LEASE.c.owner == owner, LEASE.c.epoch == epoch]
    return connection.scalar(sa.select(LEASE.c.epoch).where(*mine).with_for_update(read=True)) is not None


def let_go(connection: Connection, owner: str) -> None:
    """End all leases of an owner at once: it stops in good order."""
    connection.execute(LEASE.update().values(until=0).where(LEASE.c.owner == owner))


def holders(connection: Connection) -> dict[str, bool]:
    """List all processes that have or had a lease of their own, and whether it runs."""
    chosen = sa.select(LEASE.c.name, LEASE.c.until > database_now()).where(LEASE.c.name == LEASE.c.owner)
    return {row[0]: bool(row[1]) for row in connection.execute(chosen)}


def end_sessions(connection: Connection) -> int:
    """End the transactions of processes whose lease has run out; give how many.

    A server ends idle ones by itself. It takes one for busy that froze between two statements that it sent together, or
    in a COPY. Cost: one statement, on PostgreSQL.
    """
    if connection.dialect.name == "sqlite":
        return 0
    return int(connection.execute(_SILENT).scalar_one())


_SILENT: Final = sa.text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity JOIN lease ON application_name = right(name, 63)"
    " WHERE datname = current_database() AND usename = current_user AND xact_start IS NOT NULL AND owner = name"
    " AND until BETWEEN 1 AND extract(epoch FROM clock_timestamp()) * 1000000"
)


def now(connection: Connection) -> Micros:
    """Tell the database's instant."""
    return int(connection.execute(sa.select(database_now())).scalar_one())


def forget(connection: Connection) -> int:
    """Forget processes that ended a day ago or before; give how many."""
    over = LEASE.c.until < database_now() - DAY
    return connection.execute(LEASE.delete().where(LEASE.c.name != LEADER, over)).rowcount


@cache
def _hold(dialect: str) -> Prepared:
    until = database_now() + parameter("term")
    row: dict[str, Any] = {
        "name": parameter("name", sa.Text), "owner": parameter("owner", sa.Text), "epoch": 1, "until": until,
    }  # fmt: skip
    insert = upsert(LEASE, dialect).values(row)
    same = LEASE.c.owner == insert.excluded.owner
    taken = {
        "owner": insert.excluded.owner,
        # Also one's own is another one after it had run out: others may have been here meanwhile.
        "epoch": LEASE.c.epoch + sa.case((sa.and_(same, LEASE.c.until > database_now()), 0), else_=1),
        "until": insert.excluded.until,
    }
    free = sa.or_(same, LEASE.c.until <= database_now())
    held = insert.on_conflict_do_update(index_elements=["name"], set_=taken, where=free)
    return Prepared(held.returning(LEASE.c.epoch), dialect)
