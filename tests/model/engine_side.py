"""The one place where the model tests call the engine."""

import json
from functools import cache
from unittest.mock import patch

from designer.rendering.renderer import JinjaRenderer
from engine.contract.registry import installed
from engine.graph.document import read_document
from engine.graph.model import Document
from engine.run import moving
from engine.run.texts import requirements
from engine.simulate.behaviour import Happening
from engine.simulate.population import Person
from engine.simulate.runner import Means, Scenario, simulate
from engine.store import migrate
from engine.store.session import Store, open_store
from engine.terms import parse_instant, to_micros
from tests.model.case import Case
from tests.model.facts import Json

NEVER = 1 << 62


@cache
def means() -> Means:
    """Make what a simulation borrows; the same for all cases."""
    renderer = JinjaRenderer()
    return Means(installed(), renderer, requirements(renderer, lambda _key: None))


def run_engine(case: Case, url: str) -> list[Json]:
    """Play a case with the real engine and give its journal.

    ``url`` is the address of an empty migrated database, for this case alone. Contacts, in order, come with typed
    attributes (lists and texts such as ``"5"`` too) and are created at ``case.start``; ``case.segments`` are named
    rules; all flows are published at the start and the first one's manual trigger lets everybody in. Lines of other
    flows carry a further key ``flow``.
    """
    store = open_store(url)
    try:
        return play(case, store)
    finally:
        store.close()


def play_in_memory(case: Case) -> list[Json]:
    """Play a case in a database that is gone afterwards."""
    store = open_store("sqlite://")
    migrate.create(store)
    return play(case, store)


def play(case: Case, store: Store) -> list[Json]:
    # By turns by ways that are known beforehand and node by node: both are held against the interpreter.
    with patch.object(moving, "WORTH", NEVER if len(case.events) % 2 else 0):
        return _play(case, store)


def _play(case: Case, store: Store) -> list[Json]:
    start = to_micros(parse_instant(case.start))
    scenario = Scenario(
        flows=[_document(flow) for flow in case.flows],
        people=[_person(contact) for contact in case.contacts],
        start=start,
        days=case.days,
        events=_events(case.events),
        segments=case.segments,
    )
    return simulate(store, scenario, means(), every_flow=True).journal


def _document(flow: Json) -> Document:
    document, findings = read_document(json.dumps(flow), installed())
    assert document is not None, [str(finding) for finding in findings]
    return document


def _person(contact: Json) -> Person:
    known = {
        name: contact[name]
        for name in ("email", "phone", "timezone", "locale", "stage", "account")
        if contact.get(name)
    }
    return Person(
        key=str(contact["id"]),
        tags=tuple(contact.get("tags") or ()),
        attributes=dict(contact.get("attributes") or {}),
        **known,
    )


def _events(events: list[Json]) -> list[Happening]:
    seen: set[str] = set()
    found = []
    for event in events:
        message_id = event.get("messageId")
        if message_id is not None and message_id in seen:
            continue
        seen.add(str(message_id))
        at = to_micros(parse_instant(event["timestamp"]))
        found.append(Happening(str(event["userId"]), at, event["event"], dict(event.get("properties") or {})))
    return found
