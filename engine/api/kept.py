"""What pages show again and again and what takes long to count: kept for a while, and counted anew beside the pages.

A store of a million contacts is counted in a second or so. Nobody who opens a page should wait for that: where
``tend`` is called again and again, as servers do, pages are given what was counted last.
"""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy.engine import Engine

from engine.errors import EngineError
from engine.wiring import Wiring

SHARE: Final = 20
"""A count that took a second is good for so many seconds."""

QUICK: Final = 0.05
"""A count that took fewer seconds is done whenever it is asked for."""

LATELY: Final = 60.0
"""Who asked less than so many seconds ago is still looking."""

FORGOTTEN: Final = 7 * 86_400.0
"""What nobody asked for in so many seconds is not counted any more."""

Value = TypeVar("Value")
Given = ParamSpec("Given")


@dataclass
class _Kept:
    """Something that was counted: how long that took, when, and when somebody asked for it."""

    count: Callable[[Wiring], Any]
    value: Any = None
    took: float = 0.0
    at: float = float("-inf")
    asked: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_older(self, seconds: float) -> bool:
        return time.monotonic() - self.at > seconds

    def renew(self, wiring: Wiring) -> None:
        began = time.monotonic()
        value = self.count(wiring)
        self.value, self.at = value, time.monotonic()
        self.took = self.at - began


@dataclass
class _Counts:
    """All that was counted of one store; ``tended`` is when somebody looked after it last."""

    kept: dict[Hashable, _Kept] = field(default_factory=dict)
    tended: float = float("-inf")


_counts: WeakKeyDictionary[Engine, _Counts] = WeakKeyDictionary()


def keep(
    wiring: Wiring, count: Callable[Concatenate[Wiring, Given], Value], *given: Given.args, **more: Given.kwargs
) -> Value:
    """Count, or give what was counted a moment ago, if counting took long.

    ``count`` is a function of a module, and what it is given can be compared: both tell what is kept.
    """
    counts = _counts.setdefault(wiring.store.engine, _Counts())
    named = (count, given, *more.items())
    kept = counts.kept.get(named) or counts.kept.setdefault(named, _Kept(lambda anew: count(anew, *given, **more)))
    kept.asked = time.monotonic()
    if kept.value is not None and kept.took >= QUICK and (is_tended(wiring) or not kept.is_older(SHARE * kept.took)):
        return cast("Value", kept.value)
    with kept.lock:
        # Who waited for another one's count takes it.
        if kept.value is None or kept.took < QUICK or kept.is_older(SHARE * kept.took):
            kept.renew(wiring)
        return cast("Value", kept.value)


def is_tended(wiring: Wiring) -> bool:
    """Tell whether somebody looks after what is kept of this store."""
    counts = _counts.get(wiring.store.engine)
    return counts is not None and time.monotonic() - counts.tended < LATELY


def tend(wiring: Wiring) -> int:
    """Count anew what is too old, and give how many counts that were; to be called every few seconds.

    Cost: a twentieth of a processor for all together while nobody looks, and as much for each that somebody looks at.
    """
    counts = _counts.setdefault(wiring.store.engine, _Counts())
    counts.tended = now = time.monotonic()
    slow = {name: each for name, each in list(counts.kept.items()) if each.took >= QUICK}
    patience, done = SHARE * sum(each.took for each in slow.values()), 0
    gentle = replace(wiring, store=replace(wiring.store, gentle=True))
    for name, each in slow.items():
        if now - each.asked > FORGOTTEN:
            del counts.kept[name]
        elif each.is_older(SHARE * each.took if now - each.asked < LATELY else patience):
            try:
                each.renew(gentle)
            except EngineError:  # what it counts is gone
                del counts.kept[name]
            done += 1
            counts.tended = time.monotonic()
    return done
