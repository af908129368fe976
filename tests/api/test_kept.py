"""Counts that took long are kept, and counted anew beside the pages."""

import gc
import time
from weakref import ref

import pytest
import sqlalchemy as sa

from engine.api import kept, matching
from engine.api.kept import keep, tend
from engine.api.tending import tend_pages
from engine.errors import NotFound
from engine.store.migrate import create
from engine.store.session import Store, open_store
from engine.wiring import Wiring
from tests.support.engines import engine_on, settle, signed_up


class Clock:
    """A clock by which every count takes as long as is said."""

    def __init__(self) -> None:
        self.now, self.took, self.counted, self.is_gone = 1_000.0, 1.0, 0, False

    def monotonic(self) -> float:
        return self.now


CLOCK = Clock()


def counted(wiring: Wiring, _what: str = "") -> int:
    if CLOCK.is_gone:
        raise NotFound("it was taken away")
    CLOCK.counted += 1
    CLOCK.now += CLOCK.took
    return CLOCK.counted


@pytest.fixture
def wiring(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    CLOCK.__init__()  # type: ignore[misc]
    monkeypatch.setattr(kept, "time", CLOCK)
    monkeypatch.setattr(kept, "QUICK", 0.05)
    return engine_on(sqlite_store)


def test_a_quick_count_is_done_whenever_it_is_asked_for(wiring: Wiring) -> None:
    CLOCK.took = kept.QUICK / 2
    assert [keep(wiring, counted) for _ in range(3)] == [1, 2, 3]
    assert tend(wiring) == 0


def test_a_count_that_took_long_is_good_for_a_while(wiring: Wiring) -> None:
    assert [keep(wiring, counted), keep(wiring, counted)] == [1, 1]
    CLOCK.now += kept.SHARE - 1
    assert keep(wiring, counted) == 1
    CLOCK.now += 2
    assert keep(wiring, counted) == 2


def test_what_is_asked_for_tells_counts_apart(wiring: Wiring) -> None:
    assert [keep(wiring, counted, "a"), keep(wiring, counted, "b"), keep(wiring, counted, "a")] == [1, 2, 1]


def test_nobody_waits_where_somebody_tends(wiring: Wiring) -> None:
    keep(wiring, counted)
    assert tend(wiring) == 0
    CLOCK.now += kept.SHARE + 1
    assert keep(wiring, counted) == 1
    assert tend(wiring) == 1
    assert keep(wiring, counted) == 2
    CLOCK.now += kept.LATELY + kept.SHARE + 1
    # Nobody has tended for a while: who asks counts.
    assert keep(wiring, counted) == 3


def test_what_nobody_looks_at_is_counted_less_often(wiring: Wiring) -> None:
    for what in "abc":
        keep(wiring, counted, what)
    CLOCK.now += kept.LATELY
    assert tend(wiring) == 3
    CLOCK.now += 2 * kept.SHARE
    assert tend(wiring) == 0
    keep(wiring, counted, "b")
    assert tend(wiring) == 1
    CLOCK.now += kept.FORGOTTEN
    tend(wiring)
    CLOCK.counted = 10
    assert keep(wiring, counted, "a") == 11


def test_what_is_gone_is_not_counted_any_more(wiring: Wiring) -> None:
    keep(wiring, counted)
    CLOCK.now += kept.SHARE + 1
    CLOCK.is_gone = True
    assert tend(wiring) == 1
    assert tend(wiring) == 0
    with pytest.raises(NotFound):
        keep(wiring, counted)


def test_counts_go_with_their_store() -> None:
    store = open_store("sqlite://")
    create(store)
    wiring = engine_on(store)
    keep(wiring, matching.count_contacts)
    engine = ref(store.engine)
    store.close()
    del store, wiring
    gc.collect()
    assert engine() is None


def test_what_is_counted_beside_the_pages_leaves_them_processors(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "QUICK", 0.0)
    wiring = engine_on(store)
    assert keep(wiring, _parallel) == _usual(wiring)
    kept._counts[store.engine].kept[_parallel, ()].at = float("-inf")
    assert tend(wiring) == 1
    assert keep(wiring, _parallel) == ("0" if store.name == "postgresql" else "")


def _parallel(wiring: Wiring) -> str:
    """Tell how many processes may help with a statement."""
    if wiring.store.name != "postgresql":
        return ""
    with wiring.store.read() as connection:
        return str(connection.scalar(sa.text("SELECT current_setting('max_parallel_workers_per_gather')")))


def _usual(wiring: Wiring) -> str:
    return "" if wiring.store.name != "postgresql" else "2"


def test_what_pages_show_is_counted_beforehand(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "QUICK", -1.0)
    wiring = signed_up(store, "ann")
    settle(wiring)
    assert not kept.is_tended(wiring)
    tend_pages(wiring)
    assert kept.is_tended(wiring)
    names = {name[0].__name__ for name in kept._counts[store.engine].kept}  # type: ignore[index]
    assert names == {
        "members",
        "count_contacts",
        "steps_by_day",
        "_ends",
        "_failed",
        "tokens_of",
        "passed_in",
        "_messages",
    }
    assert time.monotonic() - kept._counts[store.engine].tended < kept.LATELY
