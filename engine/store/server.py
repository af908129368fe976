"""What a PostgreSQL server and its tables should be set to, and what each setting costs that is not (ADR 0015)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

MILLISECOND: Final = 1.0
SECOND: Final = 1_000 * MILLISECOND
HOUR: Final = 3_600 * SECOND


@dataclass(frozen=True)
class Setting:
    """A setting that is not as it should be: what it is, what it should be, what that costs."""

    name: str
    value: str
    wanted: str
    cost: str

    def __str__(self) -> str:
        """Say it in a sentence."""
        return f"{self.name} is {self.value}, not {self.wanted}: {self.cost}"


Good = Callable[[str], bool]


def _within(least: float, most: float) -> Good:
    """Accept numbers within bounds."""
    return lambda value: least <= float(value) <= most


def _word(*words: str) -> Good:
    return lambda value: value in words


LOST: Final = (
    "when a machine vanishes, the server keeps its transactions, and with them the parts it was at, for minutes"
)

SESSION: Final[tuple[tuple[str, Good, str, str], ...]] = (
    (
        "idle_in_transaction_session_timeout",
        _within(1, 10 * SECOND),
        "at most 10s",
        "a worker that froze in a transaction keeps its part until somebody ends its session",
    ),
    (
        "client_connection_check_interval",
        _within(1, 5 * SECOND),
        "1s",
        "what a killed worker last said is carried out to its end, and its part stays taken as long",
    ),
    (
        "statement_timeout",
        _within(1, HOUR),
        "between 1s and 1h",
        "a statement that does not end keeps its rows and its part for ever",
    ),
    (
        "random_page_cost",
        _within(1, 2),
        "1.1",
        "what lies in an index in the order that is asked for is read as a whole and sorted",
    ),
    (
        "synchronous_commit",
        _word("on", "remote_apply", "remote_write", "local"),
        "on",
        "a crash of the server loses messages that were about to be sent, and they are sent twice",
    ),
    ("autovacuum", _word("on"), "on", "dead rows are never swept up, and every wave takes longer than the last"),
)
"""What holds of every session: name, whether a value (times in milliseconds) is good, what is wanted, the cost."""

OVER_TCP: Final[tuple[tuple[str, Good, str, str], ...]] = (
    ("tcp_user_timeout", _within(1, 10 * SECOND), "10s", LOST),
    ("tcp_keepalives_idle", _within(1, 10), "5", LOST),
    ("tcp_keepalives_interval", _within(1, 5), "2", LOST),
    ("tcp_keepalives_count", _within(1, 5), "3", LOST),
)
"""What matters where the server is reached over a network; a socket on the same machine tells at once."""

TABLES: Final[tuple[tuple[str, str, Good, str, str], ...]] = (
    *(
        (table, "fillfactor", _within(10, 70), "at most 70", "rows that move on find no room beside their last state")
        for table in ("enrollment", "message", "token")
    ),
    *(
        (table, "autovacuum_vacuum_scale_factor", _within(0, 0.02), "0.01",
         "it is swept up when a fifth of it is dead, which for millions of rows is late")
        for table in ("enrollment", "message", "token")
    ),
)  # fmt: skip
"""What holds of tables whose rows change all the time."""


def misset(connection: Connection) -> list[Setting]:
    """List what is not set as it should be, as this session sees it; nothing on SQLite.

    Cost: five small statements on PostgreSQL.
    """
    if connection.dialect.name == "sqlite":
        return []
    return [*_session(connection), *_tables(connection), *_primary(connection), *_pooled(connection)]


def _session(connection: Connection) -> Iterator[Setting]:
    over_tcp = connection.exec_driver_sql("SELECT inet_client_addr()").scalar() is not None
    asked = [*SESSION, *(OVER_TCP if over_tcp else ())]
    rows: Any = connection.execute(
        sa.text("SELECT name, setting, current_setting(name) FROM pg_settings WHERE name = ANY(:names)"),
        {"names": [name for name, *_ in asked]},
    )
    known = {name: (setting, shown) for name, setting, shown in rows}
    for name, is_good, wanted, cost in asked:
        setting, shown = known.get(name, ("0", "unknown to this server"))
        if not is_good(setting):
            yield Setting(name, shown, wanted, cost)


def _tables(connection: Connection) -> Iterator[Setting]:
    rows: Any = connection.execute(
        sa.text("SELECT relname, reloptions FROM pg_class WHERE oid = ANY(CAST(:names AS regclass[]))"),
        {"names": sorted({table for table, *_ in TABLES})},
    )
    options = {table: dict(each.split("=", 1) for each in given or ()) for table, given in rows}
    usual = {"fillfactor": "100", "autovacuum_vacuum_scale_factor": "0.2"}
    for table, name, is_good, wanted, cost in TABLES:
        value = options.get(table, {}).get(name, usual[name])
        if not is_good(value):
            yield Setting(f"{name} of {table}", value, wanted, cost)


def _primary(connection: Connection) -> Iterator[Setting]:
    if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
        cost = "a standby takes nothing down; name all servers in the address, the one that can be written to is found"
        yield Setting("target_session_attrs", "not heeded", "read-write", cost)
    oldest = connection.exec_driver_sql(
        "SELECT max(extract(epoch FROM clock_timestamp() - xact_start)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_xmin IS NOT NULL"
    ).scalar()
    if oldest is not None and float(oldest) * SECOND > HOUR:
        cost = "as long as it looks, no dead row can be swept up; run long reports on a standby"
        yield Setting("the oldest transaction", f"{float(oldest) / 3600:.1f} h old", "under 1 h", cost)


def _pooled(connection: Connection) -> Iterator[Setting]:
    """Find out whether one session stays one session: a pooler may give its transactions to several."""
    engine = connection.engine
    with engine.connect() as probe:
        seen = set()
        for _ in range(3):
            with probe.begin():
                seen.add(probe.exec_driver_sql("SELECT pg_backend_pid()").scalar())
                kept = probe.exec_driver_sql("SELECT current_setting('dripline.probe', true)").scalar()
                probe.exec_driver_sql("SELECT set_config('dripline.probe', 'kept', false)")
        probe.exec_driver_sql("SELECT set_config('dripline.probe', '', false)")
        probe.commit()
    if len(seen) > 1 or kept != "kept":
        cost = (
            "waves keep their temporary tables from one transaction to the next, and fail without them; "
            "nor is it heard at once that another process took an event"
        )
        yield Setting("pooling", "by transaction", "by session", cost)
