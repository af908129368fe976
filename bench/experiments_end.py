"""Experiments from end to end: flows in virtual time, many seeds of equals, and the cost of an update."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from bench.databases import Databases, scratch
from bench.world import START as MONDAY
from bench.world import engine_on
from engine.api import flows
from engine.api.rehearsal import Rehearsal, rehearse
from engine.clock import FixedClock
from engine.contract.comparison import Comparison
from engine.experiments.assign import experiment_id
from engine.experiments.counts import read_counts, read_stands
from engine.experiments.division import EXPERIMENT, SHARE
from engine.experiments.ledger import TALLY
from engine.experiments.promote import DECISION
from engine.experiments.verdict import next_act
from engine.run.judging import judge
from engine.simulate.behaviour import Behaviour, Habit, Response
from engine.store import migrate
from engine.store.session import Store, open_store
from engine.store.tables.experiments import CONVERTED, EXPOSED
from engine.terms import DAY, HOUR, contact_hash, share_of, to_micros
from engine.wiring import Wiring, look

KEY: Final = "letters"
COMPARISON: Final = {
    "variants": [{"key": "a"}, {"key": "b"}],
    "goal": {"event": "demo_booked", "within": "7d"},
}
FLOW: Final[dict[str, Any]] = {
    "dripline": 1,
    "key": KEY,
    "name": "Letters",
    "nodes": [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "ab", "type": "split.ab", "config": COMPARISON},
        {"id": "letter_a", "type": "send.email", "config": {"subject": "A", "text": "A"}},
        {"id": "letter_b", "type": "send.email", "config": {"subject": "B", "text": "B"}},
    ],
    "edges": [
        {"from": "start", "to": "ab"},
        {"from": "ab", "port": "a", "to": "letter_a"},
        {"from": "ab", "port": "b", "to": "letter_b"},
    ],
}
"""Whoever signs up gets one of two letters; booking a demo within a week is the goal."""

START: Final = to_micros(MONDAY)
DAYS: Final = 42
"""How long contacts come in."""


@dataclass(frozen=True)
class Played:
    """How a played flow's experiment ended."""

    winner: str | None
    state: str
    shares: dict[str, float]
    seconds: float

    @property
    def words(self) -> str:
        """Say it in a cell."""
        shares = ", ".join(f"{key} {share:.0%}" for key, share in self.shares.items())
        return f"{self.state}, winner {self.winner}; traffic {shares} ({self.seconds:.0f} s)"


def whole_flow(people: int, chances: tuple[float, float], seed: int = 1) -> Played:
    """Play the flow with the executor: contacts sign up over six weeks and answer their letter."""
    began = time.perf_counter()
    responses = tuple(
        Response(node=f"letter_{key}", event="demo_booked", chance=chance, days=0.7)
        for key, chance in zip("ab", chances, strict=True)
    )
    signing_up = Habit(event="signed_up", per_day=4 / DAYS, to_day=DAYS, once=True)
    behaviour = Behaviour(events=(signing_up,), responses=responses, open=0, unsubscribe=0)
    start = datetime.fromisoformat("2026-03-02T00:00:00+00:00")
    asked = Rehearsal(people=people, start=start, days=DAYS + 8, behaviour=behaviour, seed=seed)
    with _empty() as wiring:
        done = rehearse(wiring, FLOW, asked, lambda _: None)
    report: Any = done.report.experiments[0]
    shares = {row["key"]: row["share"] for row in report["variants"]}
    return Played(report["winner"], report["state"], shares, time.perf_counter() - began)


def whole_null(seeds: int, people: int, rate: float, *, late: bool) -> tuple[float, float]:
    """Let the engine judge equals every day, with many seeds; give the share of those with a promotion, and the time.

    Contacts are divided by their hashes as in waves. With ``late`` variant a converts after half a day in the mean, b
    after three.
    """
    began, promoted = time.perf_counter(), 0
    with _empty() as wiring:
        flows.import_flow(wiring, FLOW)
        flows.publish(wiring, KEY)
        for seed in range(seeds):
            promoted += _one_null(wiring, seed, people, rate, (0.5, 3.0) if late else (0.7, 0.7))
    return promoted / seeds, time.perf_counter() - began


def _one_null(wiring: Wiring, seed: int, people: int, rate: float, delays: tuple[float, float]) -> bool:
    chance = np.random.default_rng(seed)
    variant = np.array([share_of(contact_hash(f"{seed}/{each}"), f"{KEY}/ab") >= 5_000 for each in range(people)], int)
    at = np.sort(chance.uniform(0, DAYS, people))
    tau = np.asarray(delays)[variant]
    pause = -tau * np.log(1 - chance.random(people) * (1 - np.exp(-7 / tau)))
    when = np.where(chance.random(people) < rate, at + pause, np.inf)
    _begin(wiring)
    assert isinstance(wiring.clock, FixedClock)
    for day in range(DAYS + 9):
        happened = (when >= day) & (when < day + 1)
        rows = [*_rows(EXPOSED, at, variant, at.astype(int) == day), *_rows(CONVERTED, at, variant, happened)]
        with wiring.store.write() as connection:
            for row in rows:
                _add(connection, row)
        wiring.clock.at = START + (day + 1) * DAY
        with wiring.store.read() as connection:
            deployment = look(wiring, connection)
        ended = [each.act for each in judge(wiring.store, deployment, wiring.clock.at) if each.act.state != "running"]
        if ended:
            return ended[0].kind == "promoted"
    return False


def _begin(wiring: Wiring) -> None:
    with wiring.store.write() as connection:
        for table in (TALLY, SHARE, DECISION, EXPERIMENT):
            connection.execute(table.delete())
        known = {"workspace_id": 1, "flow_id": 1, "flow_key": KEY, "node": "ab", "settings": "{}", "state": "running"}
        rest = {"started_at": START, "epoch": 0, "split_off": False, "out": "[]", "looks": "[]"}
        connection.execute(EXPERIMENT.insert().values(id=_number(), **known, **rest))


def _number() -> int:
    return experiment_id(KEY, "ab", _comparison().identity)


def _comparison() -> Comparison:
    return Comparison.model_validate({"variants": {"a": 1.0, "b": 1.0}, "goal": {"event": "demo_booked"}})


def _rows(what: int, at: Any, variant: Any, chosen: Any) -> Iterator[dict[str, Any]]:
    cells = at[chosen].astype(int) * 2 + variant[chosen]
    for cell, contacts in zip(*np.unique(cells, return_counts=True), strict=True):
        day, which = divmod(int(cell), 2)
        hour = (START + day * DAY) // HOUR * HOUR + 23 * HOUR
        where = {"part": 0, "experiment_id": _number(), "epoch": 0, "hour": hour, "variant": "ab"[which], "what": what}
        yield {**where, "contacts": int(contacts)}


def _add(connection: sa.Connection, row: dict[str, Any]) -> None:
    key = {name: value for name, value in row.items() if name != "contacts"}
    more = TALLY.update().values(contacts=TALLY.c.contacts + row["contacts"])
    if connection.execute(more.filter_by(**key)).rowcount == 0:
        connection.execute(TALLY.insert().values(row))


def million(kind: str, contacts: int, days: int = 28) -> tuple[float, float]:
    """Time a look at an experiment with so many exposures over four weeks, and the first, which folds all its counts.

    Shape: milliseconds, over all parts that a database of this kind has.
    """
    with scratch(kind) as databases, _empty(_made(databases)) as wiring:
        flows.import_flow(wiring, FLOW)
        flows.publish(wiring, KEY)
        _begin(wiring)
        assert isinstance(wiring.clock, FixedClock)
        wiring.clock.at = START + days * DAY
        parts = wiring.store.parts
        each = max(1, contacts // (days * 24 * 2 * parts))
        spread = range(0, days * 24, max(1, days * 24 * 2 * parts * each // contacts))
        rows = [
            {
                "part": part,
                "experiment_id": _number(),
                "epoch": 0,
                "hour": START + hour * HOUR,
                "variant": key,
                "what": what,
            }
            | {"contacts": each if what == EXPOSED else max(1, each // 20)}
            for part in range(parts)
            for hour in spread
            for key in "ab"
            for what in (EXPOSED, CONVERTED)
        ]
        with wiring.store.write() as connection:
            connection.execute(TALLY.insert(), rows)
        with wiring.store.read() as connection:
            deployment = look(wiring, connection)
        began = time.perf_counter()
        judge(wiring.store, deployment, wiring.clock.at)
        first = time.perf_counter() - began
        return min(_look(wiring.store, wiring.clock.at) for _ in range(5)) * 1_000, first * 1_000


def _made(databases: Databases) -> str:
    databases.template("experiments", lambda _: None)
    return databases.copy("experiments")


def _look(store: Store, now: int) -> float:
    began = time.perf_counter()
    with store.read() as connection:
        stands = read_stands(connection, _number())
        assert stands is not None
        next_act(stands, read_counts(connection, store.parts, stands, _comparison(), now), _comparison(), now)
    return time.perf_counter() - began


@contextmanager
def _empty(url: str = "sqlite://") -> Iterator[Wiring]:
    store = open_store(url)
    try:
        migrate.upgrade(store)
        yield engine_on(store)
    finally:
        store.close()
