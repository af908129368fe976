"""Rehearse a flow in a virtual world; nobody is mailed and the store is not touched."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from engine.errors import FlowError
from engine.graph.document import is_sound, read_document
from engine.graph.model import Document
from engine.run.deploy import Deployments
from engine.run.texts import requirements
from engine.simulate.behaviour import Behaviour, Happening
from engine.simulate.population import Crowd, Person
from engine.simulate.processes import processes_for, together
from engine.simulate.runner import Means, Outcome, Scenario, simulate
from engine.store import migrate
from engine.store.session import TEMPORARY, Store, open_store
from engine.terms import to_micros
from engine.wiring import Wiring

Find = Callable[[str], object | None]
"""Find the document of another flow by its key."""


@dataclass(frozen=True)
class Rehearsal:
    """What is asked for: who, from when on, how long, and what they do.

    Shape: ``people`` is a number of synthetic contacts, or the contacts themselves; ``events`` None lets behaviour be
    invented.
    """

    people: int | Sequence[Person]
    start: datetime
    days: float = 30
    events: Sequence[Happening] | None = None
    behaviour: Behaviour = field(default_factory=Behaviour)
    seed: int = 1
    segments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Played:
    """A rehearsal that is over: what came of it, and the world in which it happened, as long as that is open."""

    outcome: Outcome
    world: Store
    deployments: Deployments


def rehearse(
    wiring: Wiring, raw: object, asked: Rehearsal, find: Find, progress: Callable[[float], None] = lambda _: None
) -> Outcome:
    """Play a flow document, with the flows that it lets contacts into, from an instant on, and keep its whole journal.

    Errors: ``FlowError`` with its findings when the document cannot be run.
    """
    with played(wiring, raw, asked, find, progress) as over:
        outcome = over.outcome
        return replace(outcome, lines=partial(iter, outcome.journal))


@contextmanager
def played(
    wiring: Wiring,
    raw: object,
    asked: Rehearsal,
    find: Find,
    progress: Callable[[float], None] = lambda _: None,
    *,
    at_full_speed: bool = False,
) -> Iterator[Played]:
    """Play a flow document as ``rehearse`` does, and keep its world open for a look.

    Shape: ``at_full_speed`` takes all processors for many contacts; a server has something else to do meanwhile.
    Errors: ``FlowError`` with its findings when the document cannot be run.
    """
    flows = _with_entered(wiring, _read(wiring, raw), find)
    people = Crowd(asked.people, asked.seed) if isinstance(asked.people, int) else asked.people
    scenario = Scenario(
        flows=flows,
        people=people,
        start=to_micros(asked.start),
        days=asked.days,
        events=asked.events,
        behaviour=asked.behaviour,
        seed=asked.seed,
        segments=asked.segments,
    )
    means = Means(wiring.registry, wiring.renderer, requirements(wiring.renderer, wiring.shelf.all().get))
    number = processes_for(scenario) if at_full_speed else 1
    world = open_store(TEMPORARY, parts=number)
    try:
        migrate.create(world)
        with together(number, scenario, means) as circle:
            outcome = simulate(world, scenario, means, progress, circle=circle)
        yield Played(outcome, world, Deployments(means.registry, means.templates, means.requires))
    finally:
        world.close()


def with_behaviour(asked: Rehearsal, behaviour: Behaviour) -> Rehearsal:
    """Let contacts of a rehearsal behave in another way."""
    return replace(asked, behaviour=behaviour)


def default_start(now: datetime) -> datetime:
    """Begin at the next midnight in UTC, when nothing else is asked for."""
    return (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _read(wiring: Wiring, raw: object) -> Document:
    document, findings = read_document(raw, wiring.registry)
    if document is None or not is_sound(findings):
        raise FlowError("the flow cannot be rehearsed; mend what is listed", findings=findings)
    return document


def _with_entered(wiring: Wiring, document: Document, find: Find) -> list[Document]:
    """Add the flows that members are let into, and those that these let them into."""
    found = {document.key: document}
    waiting = [document]
    while waiting:
        for node in waiting.pop().nodes:
            key = node.node_type.enters(node.config) if node.node_type and node.config else None
            raw = None if key is None or key in found else find(key)
            if key is not None and raw is not None:
                found[key] = _read(wiring, raw)
                waiting.append(found[key])
    return list(found.values())
