from itertools import count

import pytest

from engine.api import passing
from engine.api.passing import passed_through
from engine.store.session import Store
from tests.support.engines import settle, signed_up


def test_a_long_journal_is_searched_in_pieces(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"c{number}" for number in range(5)]
    wiring = signed_up(store, *keys)
    settle(wiring)
    monkeypatch.setattr(passing, "PIECE", 2)
    found, after, ticks = [], None, count()
    for _ in range(9):
        page = passed_through(wiring, "welcome", "hello", "out", after=after, watch=lambda: next(ticks))
        found += [each.key for each in page.passed]
        after = page.after
        if after is None:
            break
    assert (page.total, sorted(found)) == (5, keys)
