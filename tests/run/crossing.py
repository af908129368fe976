"""Flows of one path, and what became of contacts in them, for the tests of moves between versions."""

from datetime import datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from engine.api.contacts import contact_detail
from engine.api.journal import journal_lines
from engine.run.invariants import violations
from engine.store.session import Store
from engine.store.tables import Enrollment, Token, Transfer
from engine.wiring import Wiring
from tests.support.engines import settle, signed_up

ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]
TRANSFER: sa.Table = Transfer.__table__  # type: ignore[attr-defined]


def sound(wiring: Wiring) -> None:
    with wiring.store.read() as connection:
        plans = wiring.deployments.plans_of(connection).values()
        found = violations(connection, plans, wiring.store.parts, wiring.clock.micros())
    broken = {code: count for code, count in found.items() if count}
    assert not broken, broken


def flow(*steps: tuple[str, str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Draw a flow of one path; a trigger by an event comes first."""
    nodes = [{"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}}]
    nodes += [{"id": name, "type": kind, "config": config} for name, kind, config in steps]
    edges = [{"from": one["id"], "to": two["id"]} for one, two in pairwise(nodes)]
    for edge in edges:
        kind = next(node["type"] for node in nodes if node["id"] == edge["from"])
        if kind in ("wait.event", "wait.rule"):
            edge["port"] = "happened" if kind == "wait.event" else "matched"
    return {"dripline": 1, "key": "welcome", "nodes": nodes, "edges": edges, **more}


def mail(name: str) -> tuple[str, str, dict[str, Any]]:
    return name, "send.email", {"subject": name, "text": name}


def delay(name: str, length: str) -> tuple[str, str, dict[str, Any]]:
    return name, "wait.delay", {"duration": length}


def begun(store: Store, document: dict[str, Any], *keys: str) -> Wiring:
    """Give an engine in which contacts came in by an event."""
    keys = keys or ("ann",)
    wiring = signed_up(store, *keys, into=document)
    settle(wiring)
    return wiring


def sent(wiring: Wiring, contact: str | None = "ann") -> list[str]:
    """List what a contact was sent, by the names of nodes."""
    lines = journal_lines(wiring, "welcome", contact)
    return [str(line["node"]) for line in lines if line.get("message") == "sent"]


def stays(wiring: Wiring, contact: str = "ann") -> tuple[str, datetime | None]:
    """Tell where the contact rests by the summary of the node, and until when."""
    ((name, _, due),) = contact_detail(wiring, contact).stays[0].resting
    return str(name["en"] if isinstance(name, dict) else name), due


def version(wiring: Wiring) -> list[int]:
    with wiring.store.read() as connection:
        tokens = connection.scalars(sa.select(TOKEN.c.version_id).order_by(TOKEN.c.id)).all()
        enrollments = connection.scalars(
            sa.select(ENROLLMENT.c.version_id).where(ENROLLMENT.c.state == "active").order_by(ENROLLMENT.c.id)
        ).all()
    assert sorted(set(tokens)) == sorted(set(enrollments))
    return [int(each) for each in enrollments]


ONE = flow(mail("first"), delay("rest", "3d"), mail("second"))
