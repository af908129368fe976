"""Lines without a floor: a figure of ours, and the bound that it must keep."""

from collections.abc import Callable, Mapping
from typing import Final

from bench import executor, latency, memory
from bench.databases import Databases, version_of
from bench.disk import bytes_per_step
from bench.pages import pages_latency
from bench.peers.line import peers
from bench.rehearsing import rehearsal_result
from bench.results import Result
from bench.segmenting import segments_at_size
from bench.waking import wake_latency, wake_latency_apart

Bound = Callable[[Databases, int], Result | None]

MEMORY_MB: Final = 400
MEMORY_GROWTH: Final = 1.3
LATENCY_MS: Final = 200
REHEARSED: Final = 100_000


def statements(databases: Databases, contacts: int) -> Result:
    """Count the statements of a wave of a few contacts and of many."""
    few, many = (_count(databases, number) for number in (1_000, min(contacts, 100_000)))
    return {
        "says": f"statements of two ticks, {few.contacts:,} and {many.contacts:,} contacts a wave",
        "version": version_of(databases),
        "ours": [few.statements, many.statements],
        "ours_text": f"{few.statements} and {many.statements}",
        "floor_text": "",
        "ratio_text": f"{many.statements / few.statements:.2f}",
        "must_text": "= 1",
        "passed": many.statements == few.statements,
    }


def _count(databases: Databases, contacts: int) -> executor.Wave:
    name = f"executor_{contacts}"
    databases.template(name, lambda store: executor.prepare(store, contacts))
    url = databases.copy(name)
    try:
        return executor.waves_statements(url, contacts)
    finally:
        databases.drop(url)


def peak_memory(databases: Databases, contacts: int) -> Result:
    """Compare the peaks of two processes: one carries a tenth of the contacts, one all."""
    few, many = (_peak(databases, number) for number in (contacts // 10, contacts))
    growth = many["peak_mb"] / few["peak_mb"]
    return {
        "says": f"peak memory, {contacts // 10:,} and {contacts:,} contacts",
        "version": version_of(databases),
        "ours": [few, many],
        "ours_text": f"{few['peak_mb']:.0f} and {many['peak_mb']:.0f} MB",
        "floor_text": "",
        "ratio_text": f"{growth:.2f}",
        "must_text": f"< {MEMORY_MB} MB, ≤ {MEMORY_GROWTH}",
        "passed": many["peak_mb"] < MEMORY_MB and growth <= MEMORY_GROWTH,
    }


def _peak(databases: Databases, contacts: int) -> Result:
    name = f"executor_{contacts}"
    databases.template(name, lambda store: executor.prepare(store, contacts))
    url = databases.copy(name)
    try:
        return memory.peak_in_child(url, contacts)
    finally:
        databases.drop(url)


def page_latency(databases: Databases, contacts: int) -> Result | None:
    """Time small commands while everybody moves, from this process and from another one."""
    if databases.kind != "sqlite":
        return None
    name = f"executor_{contacts}"
    databases.template(name, lambda store: executor.prepare(store, contacts))
    found = {}
    for where in ("thread", "process"):
        url = databases.copy(name)
        found[where] = latency.during_waves(url, in_process=where == "thread")
        databases.drop(url)
    worst = max(each["p95_ms"] for each in found.values())
    texts = [
        f"{where} {each['p50_ms']:.0f} / {each['p95_ms']:.0f} / {each['max_ms']:.0f}" for where, each in found.items()
    ]
    return {
        "says": f"a page's command while {contacts:,} contacts move: p50 / p95 / max ms",
        "version": version_of(databases),
        "ours": found,
        "ours_text": ", ".join(texts),
        "floor_text": "",
        "ratio_text": f"{worst:.0f} ms",
        "must_text": f"p95 < {LATENCY_MS} ms",
        "passed": worst < LATENCY_MS,
    }


def rehearsal(databases: Databases, contacts: int) -> Result | None:
    """Rehearse the shipped trial; a simulation has a store of its own, so that one kind of database is enough."""
    if databases.kind != "sqlite":
        return None
    return {**rehearsal_result(min(contacts, REHEARSED)), "version": version_of(databases)}


BOUNDS: Final[Mapping[str, Bound]] = {
    "statements": statements,
    "memory": peak_memory,
    "latency": page_latency,
    "disk": bytes_per_step,
    "waking": wake_latency,
    "apart": wake_latency_apart,
    "segments": segments_at_size,
    "pages": pages_latency,
    "rehearsal": rehearsal,
    "peers": peers,
}
