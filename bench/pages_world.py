"""What stands behind the pages that are measured: everybody was written to by one flow, and waits in another one.

What a flow of a month leaves behind is put straight into the tables: mails that were opened, events, tokens that
failed, counts by the hour, and a log of what users did.
"""

from itertools import pairwise
from typing import Any, Final

import sqlalchemy as sa

from bench.executor import move
from bench.segmenting import strew
from bench.world import DAY, FLOW, START, engine_on, fill, go_live
from engine.api import flows, pausing, segments
from engine.api.enroll import enroll_all
from engine.store.session import Store
from engine.terms import HOUR, to_micros

WAITS: Final = 4
"""Journal rows of a contact in the flow: one for each wait it has come to; the other flow makes one more."""

EVENTS: Final = 2
"""Events of a contact."""

HOURS: Final = 720
"""The flow was passed over so many hours."""

NOW: Final = to_micros(START) + (WAITS - 1) * DAY + HOUR
"""When the pages are looked at: all stand at the last wait, and in the other flow all are due."""

SEGMENT: Final[dict[str, Any]] = {"attr": "seats", "op": "gte", "value": 100}
TEMPLATE: Final[dict[str, Any]] = {
    "key": "hello",
    "name": "Hello",
    "channel": "email",
    "subject": "Hello {{ contact.name }}",
    "html": "<p>Hello {{ contact.name }}</p>",
    "text": "Hello {{ contact.name }}",
}


_NODES: Final = {each["id"]: each for each in FLOW["nodes"]}


def drawing(hello: str = "Hello", last: str = "1d") -> dict[str, Any]:
    """Draw the executor's flow with a test of two letters for its split, and several waits for one."""
    days = [f"day{number}" for number in range(1, WAITS + 1)]
    test = {"variants": [{"key": "a"}, {"key": "b"}], "goal": {"event": "event0", "within": "1d"}}
    nodes = [
        _NODES["hand"],
        _NODES["trial"],
        {"id": "half", "type": "split.ab", "config": test},
        {"id": "hello", "type": "send.email", "config": {"subject": hello, "text": "Hello"}},
        {"id": "welcome", "type": "send.email", "config": {"template": TEMPLATE["key"]}},
        *({**_NODES["day"], "id": day} for day in days[:-1]),
        {"id": days[-1], "type": "wait.delay", "config": {"duration": last}},
    ]
    edges = [{**each, "to": days[0] if each["to"] == "day" else each["to"]} for each in FLOW["edges"]]
    edges += [{"from": one, "to": other} for one, other in pairwise(days)]
    return {**FLOW, "key": "many", "name": "Many", "nodes": nodes, "edges": edges}


HELD: Final[dict[str, Any]] = {
    **FLOW,
    "key": "held",
    "name": "Held",
    "nodes": [_NODES["hand"], _NODES["day"]],
    "edges": [{"from": "hand", "to": "day"}],
}

# Of a hundred mails forty were opened, ten clicked; one could not be sent, and of one nobody knows.
_MAILS: Final = """
UPDATE message SET attempt = 1, intent_at = due_at,
  state = CASE contact_id % 100 WHEN 8 THEN 'failed' WHEN 9 THEN 'in_doubt' ELSE 'sent' END,
  sent_at = CASE WHEN contact_id % 100 IN (8, 9) THEN NULL ELSE due_at END,
  opened_at = CASE WHEN contact_id % 100 >= 60 THEN due_at END,
  clicked_at = CASE WHEN contact_id % 100 >= 90 THEN due_at END
"""
_INBOX: Final = """
INSERT INTO inbox (part, message_key, contact_id, channel, at, address, subject, body)
SELECT part, part || '-' || contact_id || '-' || enrollment_id || '-' || node || '-' || passing, contact_id, channel,
  sent_at - (contact_id * 7919 % 2592000) * 1000000, 'c' || contact_id || '@example.com', 'Hello',
  '{{"from": "us@example.com", "text": "Hello", "html": "<p>Hello</p>"}}'
FROM message WHERE state = 'sent'
"""
_FAILURES: Final = """
INSERT INTO failure (part, contact_id, token_id, at, code, reason, due_at)
SELECT part, contact_id, id, since + contact_id, 'node_error', 'does not work', due_at FROM token
WHERE state = 'waiting' AND contact_id % 100 = 7 AND node > 1
"""
_TOKENS: Final = """
UPDATE token SET state = 'failed', due_at = NULL WHERE state = 'waiting' AND contact_id % 100 = 7 AND node > 1
"""
_PASSAGES: Final = """
INSERT INTO passage (part, version_id, node, port, hour, passed, pruned)
SELECT part, version_id, node, port, hour - n * {hour}, passed / {hours} + 1, 0 FROM passage, ({numbers}) numbers
WHERE n <= {hours}
"""
_CONVERSIONS: Final = """
INSERT INTO experiment_tally (part, experiment_id, epoch, hour, variant, what, contacts)
SELECT part, experiment_id, epoch, hour, variant, 1, contacts / 20 FROM experiment_tally WHERE what = 0
"""
_AUDIT: Final = """
INSERT INTO audit_entry (id, workspace_id, at, action, subject, detail, previous, digest)
SELECT 1000 + n, 1, {start} + n, 'flow.publish', 'many', '{{}}', '', '' FROM ({numbers}) numbers
"""
_NUMBERS: Final = {
    "sqlite": "WITH RECURSIVE upto (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM upto WHERE n < 100000) "
    "SELECT n FROM upto",
    "postgresql": "SELECT generate_series(1, 100000) AS n",
}


def prepare(store: Store, contacts: int) -> None:
    """Fill a database in which everybody stands at the last of several waits, and before a flow that is paused."""
    wiring = engine_on(store)
    flows.import_template(wiring, TEMPLATE)
    for document in (drawing(), HELD):
        go_live(wiring, document)
    fill(store, contacts)
    strew(store, contacts, contacts * EVENTS)
    for document in (drawing(), HELD):
        enroll_all(wiring, document["key"])
    pausing.pause(wiring, HELD["key"])
    for day in range(WAITS):
        move(wiring, to_micros(START) + day * DAY)
    segments.save_segment(wiring, "large", SEGMENT, "Large")
    move(wiring, NOW)
    _live(store)
    # One more version, to which nobody was moved yet, and a draft of the next.
    go_live(wiring, drawing(hello="Hello again"))
    flows.import_flow(wiring, drawing(hello="Hello again", last="2d"))
    if store.name == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def _live(store: Store) -> None:
    """Let happen what needs others: mails, clicks, hours, faults."""
    known = {"hour": HOUR, "hours": HOURS, "start": to_micros(START), "numbers": _NUMBERS[store.name]}
    for text in (_MAILS, _INBOX, _FAILURES, _TOKENS, _PASSAGES, _CONVERSIONS, _AUDIT):
        with store.write() as connection:
            connection.execute(sa.text(text.format(**known)))
