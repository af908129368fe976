from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from engine.api import changeover
from engine.api.contacts import time_line
from engine.errors import FlowError
from engine.people.merging import merge
from engine.run import changeover as crossing
from engine.store.session import Store
from tests.run.crossing import ONE, TRANSFER, begun, delay, flow, mail, sent, sound, stays, version
from tests.support.engines import add_contacts, go_live, happen, pass_time, run_days, settle


def test_undo_puts_everybody_back(store: Store) -> None:
    wiring = begun(store, ONE, "ann", "ben")
    before = stays(wiring)
    go_live(wiring, flow(mail("first"), delay("rest", "9d"), mail("third")))
    changeover.change_over(wiring, "welcome")
    found = changeover.last(wiring, "welcome")
    assert found is not None
    assert (found.number, found.contacts, found.by) == (2, 2, "operator")
    assert changeover.undo(wiring, "welcome") == changeover.TakenBack(2, 0)
    assert (version(wiring), stays(wiring)) == ([1, 1], before)
    assert changeover.last(wiring, "welcome") is None
    with pytest.raises(FlowError):
        changeover.undo(wiring, "welcome")
    run_days(wiring, 4, "1d")
    assert sent(wiring) == ["first", "second"]
    sound(wiring)


def test_who_has_gone_on_stays_when_it_is_undone(store: Store) -> None:
    waits = ("rest", "wait.event", {"event": "used", "timeout": "9d"})
    wiring = begun(store, flow(mail("first"), waits, mail("second")), "ann", "ben")
    go_live(wiring, flow(mail("first"), waits, mail("third")))
    changeover.change_over(wiring, "welcome")
    happen(wiring, "ann", "used")
    settle(wiring)
    assert changeover.undo(wiring, "welcome") == changeover.TakenBack(1, 1)
    happen(wiring, "ben", "used")
    settle(wiring)
    assert (sent(wiring), sent(wiring, "ben")) == (["first", "third"], ["first", "second"])
    sound(wiring)


class _CutError(Exception):
    """The power goes."""


def test_a_crash_between_batches_is_gone_on_from(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"c{number}" for number in range(9)]
    wiring = begun(store, ONE, *keys)
    go_live(wiring, flow(mail("first"), delay("rest", "4d"), mail("third")))
    monkeypatch.setattr(changeover, "BATCH", 2)
    take = crossing.Batches.take
    calls: Iterator[int] = iter(range(99))

    def cut(self: Any, *args: Any, **options: Any) -> Any:
        if next(calls) == 2:
            raise _CutError
        return take(self, *args, **options)

    monkeypatch.setattr(crossing.Batches, "take", cut)
    with pytest.raises(_CutError):
        changeover.change_over(wiring, "welcome")
    moved = version(wiring).count(2)
    assert 0 < moved < 9
    sound(wiring)
    monkeypatch.setattr(crossing.Batches, "take", take)
    assert changeover.change_over(wiring, "welcome").moved == 9 - moved
    assert version(wiring) == [2] * 9
    with store.read() as connection:
        assert connection.scalars(sa.select(TRANSFER.c.changeover_id).distinct()).all() == [1]
    assert changeover.undo(wiring, "welcome") == changeover.TakenBack(9, 0)
    sound(wiring)


def test_the_time_line_tells_of_moves(store: Store) -> None:
    wiring = begun(store, ONE)
    pass_time(wiring, "1h")
    go_live(wiring, flow(delay("rest", "4d"), mail("third")))
    changeover.change_over(wiring, "welcome")
    pass_time(wiring, "1h")
    changeover.undo(wiring, "welcome")
    told = [(moment.what, moment.versions) for moment in time_line(wiring, "ann") if moment.versions]
    assert told == [("moved", (2, 1)), ("moved", (1, 2))]


def test_a_contact_that_moved_can_become_part_of_another(store: Store) -> None:
    wiring = begun(store, ONE)
    go_live(wiring, flow(mail("zero"), mail("first"), delay("rest", "3d"), mail("third")))
    changeover.change_over(wiring, "welcome")
    # In another part of the store, where there are several.
    add_contacts(wiring, "ben")
    with store.write() as connection:
        assert merge(connection, store.parts, "ben", "ann", now=wiring.clock.micros())
    assert sent(wiring) == ["first"]
    sound(wiring)
    run_days(wiring, 4, "1d")
    assert sent(wiring) == ["first", "third"]
    sound(wiring)
