"""What is measured: contacts, the flow they pass, and an engine whose clock stands."""

import random
from collections.abc import Iterator
from typing import Any, Final

import orjson
import sqlalchemy as sa

from designer.rendering.renderer import JinjaRenderer
from engine.api import flows
from engine.clock import FixedClock
from engine.settings import Settings
from engine.store.session import Store
from engine.store.tables import Contact
from engine.terms import contact_hash, parse_instant, part_of
from engine.wiring import Wiring, connect

START: Final = parse_instant("2026-03-02T09:00:00Z")
DAY: Final = 86_400_000_000
STEPS: Final = 5
"""Steps of one contact: trigger, rule, split, message, wait."""

FLOW: Final[dict[str, Any]] = {
    "dripline": 1,
    "key": "bench",
    "name": {"en": "Bench", "zh-CN": "测量"},
    "nodes": [
        {"id": "hand", "type": "trigger.manual"},
        {
            "id": "trial",
            "type": "branch.rule",
            "config": {"cases": [{"port": "yes", "when": {"attr": "plan", "op": "is", "value": "trial"}}]},
        },
        {"id": "half", "type": "split.random", "config": {"weights": {"a": 1, "b": 1}}},
        {"id": "hello", "type": "send.email", "config": {"subject": "Hello", "text": "Hello"}},
        {"id": "welcome", "type": "send.email", "config": {"subject": "Welcome", "text": "Welcome"}},
        {"id": "day", "type": "wait.delay", "config": {"duration": "1d"}},
    ],
    "edges": [
        {"from": "hand", "to": "trial"},
        {"from": "trial", "port": "yes", "to": "half"},
        {"from": "trial", "port": "else", "to": "half"},
        {"from": "half", "port": "a", "to": "hello"},
        {"from": "half", "port": "b", "to": "welcome"},
        {"from": "hello", "to": "day"},
        {"from": "welcome", "to": "day"},
    ],
}
"""Entry, rule, 50/50 split, one of two messages, a day's wait, end."""

CITIES: Final = ("Beijing", "Shanghai", "Berlin", "Lisbon", "Oslo", "Austin")
CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
COLUMNS: Final = (
    "part", "id", "workspace_id", "key", "hash", "email", "timezone", "locale", "attributes", "created_at", "changed",
)  # fmt: skip


def contact_rows(count: int, parts: int, seed: int = 1) -> Iterator[tuple[Any, ...]]:
    """Make contacts as rows of the table, numbered within their parts."""
    dice = random.Random(seed)
    following = [1] * parts
    created = int(START.timestamp()) * 1_000_000 - 30 * DAY
    for number in range(count):
        key = f"c{number:07d}"
        hashed = contact_hash(key)
        part = part_of(hashed, parts)
        attributes = {
            "plan": "trial" if dice.random() < 0.6 else "paid",
            "city": dice.choice(CITIES),
            "seats": dice.randrange(1, 200),
            "name": f"Contact {number}",
        }
        text = orjson.dumps(attributes).decode()
        email = f"{key}@example.com"
        yield part, following[part], 1, key, hashed, email, "Asia/Shanghai", "zh-CN", text, created, 0
        following[part] += 1


def fill(store: Store, count: int) -> None:
    """Put contacts straight into the table."""
    rows = contact_rows(count, store.parts)
    with store.write() as connection:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        names = ", ".join(COLUMNS)
        if store.name == "sqlite":
            marks = ", ".join("?" * len(COLUMNS))
            driver.executemany(f"INSERT INTO contact ({names}) VALUES ({marks})", rows)  # noqa: S608
        else:
            with driver.cursor() as cursor, cursor.copy(f"COPY contact ({names}) FROM STDIN") as copy:  # type: ignore[attr-defined]
                for row in rows:
                    copy.write_row(row)
        numbers = [{"part": part, "name": "contact", "next": count + 1} for part in range(store.parts)]
        connection.execute(sa.text("INSERT INTO sequence (part, name, next) VALUES (:part, :name, :next)"), numbers)
    if store.name == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def engine_on(store: Store) -> Wiring:
    """Connect an engine whose clock stands at the start."""
    return connect(Settings(), JinjaRenderer(), clock=FixedClock.of(START), store=store)


def go_live(wiring: Wiring, document: dict[str, Any] | None = None) -> None:
    """Import and publish the flow."""
    chosen = FLOW if document is None else document
    flows.import_flow(wiring, chosen)
    flows.publish(wiring, chosen["key"])
