"""Carry and hand over what is due, instant after instant, and say how far it came, so that it can be killed."""

from collections.abc import Sequence
from multiprocessing.connection import Connection

from bench.world import engine_on
from engine.clock import FixedClock
from engine.schedule.work import until_quiet
from engine.store.session import open_store
from engine.terms import parse_instant
from engine.wiring import with_clock


def work(url: str, instants: Sequence[str], says: Connection) -> None:
    """Say ``ready``, then each instant when all that is due by then is done."""
    store = open_store(url)
    wiring = engine_on(store)
    says.send("ready")
    for instant in instants:
        until_quiet(with_clock(wiring, FixedClock.of(parse_instant(instant))))
        says.send(instant)
    store.close()
