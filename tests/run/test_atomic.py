"""A transaction that fails at any statement leaves nothing behind, and what it did not do is done the next time."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection

from engine.clock import FixedClock
from engine.run import repair
from engine.run import tick as ticking
from engine.run.transactions import transaction
from engine.schedule.work import tick_once
from engine.store.session import Store
from engine.store.tables import metadata
from engine.terms import DAY
from engine.wiring import Wiring
from tests.support.engines import add_contacts, engine_on, go_live, happen, pass_time, tick

FLOW: dict[str, Any] = {
    "dripline": 1,
    "key": "atomic",
    "name": "Atomic",
    "settings": {"goal": {"event": "bought"}},
    "nodes": [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "day", "type": "wait.delay", "config": {"duration": "1d"}},
        {"id": "use", "type": "wait.event", "config": {"event": "used", "timeout": "1d"}},
        {"id": "hello", "type": "send.email", "config": {"subject": "Hello", "text": "Hello"}},
        {"id": "mark", "type": "contact.tag", "config": {"add": ["slow"], "remove": ["new"]}},
        {"id": "points", "type": "contact.score", "config": {"add": 3}},
        {"id": "both", "type": "path.join"},
        {"id": "slow", "type": "branch.rule", "config": {"cases": [{"port": "yes", "when": {"tag": "slow"}}]}},
        {"id": "nudge", "type": "send.email", "config": {"subject": "Stuck?", "text": "Stuck?"}},
        {"id": "half", "type": "split.random", "config": {"weights": {"a": 1, "b": 1}}},
        {"id": "stage", "type": "contact.stage", "config": {"to": "customer"}},
        {"id": "later", "type": "wait.delay", "config": {"duration": "2d"}},
    ],
    "edges": [
        {"from": "start", "to": "day"},
        {"from": "start", "to": "use"},
        {"from": "day", "to": "hello"},
        {"from": "hello", "to": "both"},
        {"from": "use", "port": "timeout", "to": "mark"},
        {"from": "use", "port": "happened", "to": "points"},
        {"from": "mark", "to": "both"},
        {"from": "points", "to": "both"},
        {"from": "both", "to": "slow"},
        {"from": "slow", "port": "yes", "to": "nudge"},
        {"from": "slow", "port": "else", "to": "half"},
        {"from": "half", "port": "a", "to": "stage"},
        {"from": "half", "port": "b", "to": "later"},
        {"from": "nudge", "to": "later"},
        {"from": "nudge", "to": "stage"},
    ],
}
"""Parallel paths and their join, a goal, messages, tags, a score, a stage, waits."""

STRAIGHT: dict[str, Any] = {
    **FLOW,
    "nodes": [node for node in FLOW["nodes"] if node["id"] not in ("both", "slow", "nudge")],
    "edges": [
        {"from": "start", "to": "day"},
        {"from": "day", "to": "half"},
        {"from": "half", "port": "a", "to": "hello"},
        {"from": "half", "port": "b", "to": "use"},
        {"from": "hello", "to": "use"},
        {"from": "use", "port": "timeout", "to": "mark"},
        {"from": "use", "port": "happened", "to": "points"},
        {"from": "points", "to": "stage"},
        {"from": "mark", "to": "later"},
    ],
}
"""The same without parallel paths: every way is known beforehand."""

CARE: dict[str, Any] = {
    "dripline": 1,
    "key": "care",
    "name": "Care",
    "nodes": [
        {"id": "start", "type": "trigger.segment", "config": {"when": {"tag": "slow"}}},
        {"id": "letter", "type": "send.email", "config": {"subject": "Care", "text": "Care"}},
    ],
    "edges": [{"from": "start", "to": "letter"}],
}
"""Let in by what the other flow changes in the same transaction."""

PEOPLE = tuple(f"c{number}" for number in range(8))
Contents = dict[str, list[tuple[Any, ...]]]


class Cut(Exception):
    """Injected; nothing in the engine expects it."""


def waiting(store: Store, flow: dict[str, Any]) -> Wiring:
    """Give an engine in which a day is about to be over for everybody, with events that wait to act."""
    wiring = engine_on(store)
    go_live(wiring, flow)
    go_live(wiring, CARE)
    add_contacts(wiring, *PEOPLE, tags=("new",))
    for key in PEOPLE:
        happen(wiring, key, "signed_up")
    tick(wiring)
    return wiring


def due(wiring: Wiring) -> None:
    """Let the day be over."""
    pass_time(wiring, "1d")


def told(wiring: Wiring) -> None:
    """Let events come: some buy, some use, some sign up again."""
    pass_time(wiring, "1h")
    for key in PEOPLE[::2]:
        happen(wiring, key, "used")
    for key in PEOPLE[::3]:
        happen(wiring, key, "bought")


class Cutter:
    """Raise at the n-th statement of a tick's first transaction of a kind, and count its statements."""

    def __init__(self) -> None:
        self.at: int | None = None
        self.seen = 0
        self.inside = False
        self.over = False

    @contextmanager
    def watching(self, store: Store, *where: int, **how: bool) -> Iterator[Connection]:
        """Stand in for ``transaction``; only the first one of a tick is watched."""
        watched = not self.over
        self.inside = self.over = watched
        self.over = True
        try:
            with transaction(store, *where, **how) as connection:
                yield connection
                if watched:
                    # The commit is one more place to fail at.
                    self.count()
        finally:
            self.inside = False

    def count(self, *_: Any) -> None:
        """Count a statement; fail if it is the one."""
        if self.inside:
            if self.seen == self.at:
                raise Cut
            self.seen += 1

    def begin(self, at: int | None) -> None:
        """Watch the next tick."""
        self.at, self.seen, self.over = at, 0, False


@pytest.fixture(params=[(repair, due), (ticking, told)], ids=["timers", "events"])
def scene(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=[FLOW, STRAIGHT], ids=["parallel", "straight"])
def flow(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.timeout(300)
def test_a_wave_that_fails_at_any_statement_is_as_if_it_had_not_begun(
    new_store: Any, scene: Any, flow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, happens = scene
    undisturbed = waiting(new_store(), flow)
    happens(undisturbed)
    tick(undisturbed)

    wiring = waiting(new_store(), flow)
    happens(wiring)
    cutter = Cutter()
    monkeypatch.setattr(module, "transaction", cutter.watching)
    event.listen(wiring.store.engine, "before_cursor_execute", cutter.count)
    before: Contents | None = None
    place = 0
    while True:
        cutter.begin(place)
        try:
            tick(wiring)
        except Cut:
            found = contents(wiring.store)
            assert before in (None, found), f"after a failure at statement {place}"
            before = found
            place += 1
        else:
            break
    assert place > 8, "the wave has more statements than that"
    assert cutter.seen == place
    assert contents(wiring.store) == contents(undisturbed.store)
    finish(undisturbed)
    finish(wiring)
    assert contents(wiring.store) == contents(undisturbed.store)
    assert twice(wiring.store) == []


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_after_a_failure_the_next_tick_does_it_all(
    new_store: Any, scene: Any, flow: Any, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, happens = scene
    undisturbed, wiring = waiting(new_store(), flow), waiting(new_store(), flow)
    cutter = Cutter()
    monkeypatch.setattr(module, "transaction", cutter.watching)
    event.listen(undisturbed.store.engine, "before_cursor_execute", cutter.count)
    event.listen(wiring.store.engine, "before_cursor_execute", cutter.count)
    happens(undisturbed)
    cutter.begin(None)
    tick(undisturbed)
    happens(wiring)
    cutter.begin(int(cutter.seen * share))
    with pytest.raises(Cut):
        tick(wiring)
    cutter.begin(None)
    tick(wiring)
    finish(undisturbed)
    finish(wiring)
    assert contents(wiring.store) == contents(undisturbed.store)
    assert twice(wiring.store) == []


def finish(wiring: Wiring) -> None:
    """Let everything come to its end."""
    assert isinstance(wiring.clock, FixedClock)
    later = dataclasses.replace(wiring, clock=FixedClock(wiring.clock.at))
    for _ in range(3):
        later.clock.at += DAY  # type: ignore[attr-defined]
        tick_once(later)


def contents(store: Store) -> Contents:
    with store.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
            # The secret that signs links is another one in every store.
            if table.name != "meta"
        }


def twice(store: Store) -> list[Any]:
    """List messages that a contact has more than once from one node of a flow that nobody enters twice."""
    with store.read() as connection:
        found = connection.execute(sa.text("SELECT part, contact_id, version_id, node FROM message")).all()
    assert found, "messages were owed"
    return [key for key, count in Counter(map(tuple, found)).items() if count > 1]
