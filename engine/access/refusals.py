"""Slow down whoever guesses passwords: each failure beyond a few makes the account and the address wait longer."""

import ipaddress
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.store.dialect import upsert
from engine.store.tables import Refusal
from engine.terms import MINUTE, SECOND, Micros

REFUSAL: sa.Table = Refusal.__table__  # type: ignore[attr-defined]

WINDOW: Final = 15 * MINUTE
"""After so long without a failure all is forgotten; no wait is longer."""

FREE: Final = {"user": 5, "from": 20, "net": 100}
"""So many failures go without a wait: per account, per address, per network of addresses."""

FIRST: Final = 15 * SECOND
DOUBLINGS: Final = 10


def subjects(email: str, place: str) -> tuple[str, ...]:
    """Name what a failure counts against."""
    return (f"user:{email.strip().lower()[:320]}", f"from:{place}", f"net:{_network(place)}")


def waiting(connection: Connection, of: Iterable[str], *, now: Micros) -> Micros:
    """Tell how long to wait before the next try: 0 when there is no need."""
    until = connection.scalar(sa.select(sa.func.max(REFUSAL.c.waits_until)).where(REFUSAL.c.subject.in_(list(of))))
    return max(0, (until or 0) - now)


def note(connection: Connection, dialect: str, of: Iterable[str], *, now: Micros) -> None:
    """Count a failure."""
    for subject in sorted(of):
        row = connection.execute(sa.select(REFUSAL).where(REFUSAL.c.subject == subject).with_for_update()).first()
        failures = 1 if row is None or now - row.last_at > WINDOW else row.failures + 1
        insert = upsert(REFUSAL, dialect).values(
            subject=subject, failures=failures, last_at=now, waits_until=now + _wait(subject, failures)
        )
        changed = {name: insert.excluded[name] for name in ("failures", "last_at", "waits_until")}
        connection.execute(insert.on_conflict_do_update(index_elements=["subject"], set_=changed))
    connection.execute(REFUSAL.delete().where(REFUSAL.c.last_at < now - 2 * WINDOW))


def forget(connection: Connection, email: str) -> None:
    """Forget an account's failures: its user signed in."""
    connection.execute(REFUSAL.delete().where(REFUSAL.c.subject == subjects(email, "")[0]))


def _wait(subject: str, failures: int) -> Micros:
    beyond = failures - FREE[subject.partition(":")[0]]
    return 0 if beyond < 0 else int(min(WINDOW, FIRST * 2 ** min(beyond, DOUBLINGS)))


def _network(place: str) -> str:
    try:
        address = ipaddress.ip_address(place)
    except ValueError:
        return place
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 56), strict=False))
