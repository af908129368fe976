import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import time

import pytest
from sqlalchemy import event

from designer.rendering.renderer import JinjaRenderer, Job
from engine.channels.ahead import FRESH
from engine.channels.base import Outcome, Outgoing, sent
from engine.channels.dispatch import Office
from engine.clock import FixedClock
from engine.errors import RenderError
from engine.store.claims import own_order
from engine.store.session import Store
from engine.terms import Json
from tests.channels.office import ScriptedChannel, content, office, send
from tests.channels.world import CONTACT, HOUR, MESSAGE, START, add_consent, owed, state

NAMED = content(text="Dear {{ contact.name }}")


@dataclass
class CountingRenderer(JinjaRenderer):
    """Note how many messages were rendered at a time."""

    lots: list[int] = field(default_factory=list)

    def render_many(self, batch: Sequence[Job]) -> list[list[Json] | RenderError]:
        self.lots.append(len(batch))
        return super().render_many(batch)


def after_the_first(act: Callable[[], object]) -> ScriptedChannel:
    """Make a channel during whose first call something happens."""

    def answer(_: Outgoing) -> Outcome:
        if len(channel.taken) == 1:
            act()
        return sent("250 taken")

    channel = ScriptedChannel(answer)
    return channel


def rename(store: Store) -> None:
    with store.write() as connection:
        connection.execute(CONTACT.update().values(attributes={"name": "New"}))


def at_the_clock(given: Office) -> FixedClock:
    assert isinstance(given.clock, FixedClock)
    return given.clock


def test_messages_are_rendered_in_lots_that_grow(sqlite_store: Store) -> None:
    keys = owed(sqlite_store, 40)
    channel, renderer = ScriptedChannel(), CountingRenderer()
    report = send(replace(office(sqlite_store, {"email": channel}), renderer=renderer), concurrency=2)
    assert report.sent == len(keys)
    assert sorted(outgoing.key for outgoing in channel.taken) == keys
    assert sum(renderer.lots) == len(keys)
    assert len(renderer.lots) <= 6


@pytest.mark.parametrize(("later", "name"), [(0, "Old"), (FRESH, "Old"), (FRESH + 1, "New")])
def test_what_was_rendered_is_used_while_it_is_fresh(sqlite_store: Store, later: int, name: str) -> None:
    owed(sqlite_store, 3, contact={"attributes": {"name": "Old"}})

    def pass_time() -> None:
        rename(sqlite_store)
        at_the_clock(given).at += later

    channel = after_the_first(pass_time)
    given = office(sqlite_store, {"email": channel}, NAMED)
    send(given, concurrency=1)
    assert [outgoing.text.splitlines()[0] for outgoing in channel.taken[:2]] == ["Dear Old", f"Dear {name}"]


def test_what_waited_for_too_long_behind_others_is_rendered_anew(sqlite_store: Store) -> None:
    owed(sqlite_store, 3, contact={"attributes": {"name": "Old"}})

    def answer(_: Outgoing) -> Outcome:
        if len(channel.taken) == 2:
            rename(sqlite_store)
            at_the_clock(given).at += FRESH + 1
        return sent("250 taken")

    channel = ScriptedChannel(answer)
    given = office(sqlite_store, {"email": channel}, NAMED)
    send(given, concurrency=1)
    assert [outgoing.text.splitlines()[0] for outgoing in channel.taken] == ["Dear Old", "Dear Old", "Dear New"]


def test_a_part_in_which_nothing_else_is_due_is_not_looked_at_again(postgresql_store: Store) -> None:
    keys = owed(postgresql_store, 40)
    parts = len({key.part for key in keys})
    assert parts > 1
    channel, renderer = ScriptedChannel(), CountingRenderer()
    listings: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "message.attempt +" in statement and statement.startswith("SELECT"):
            listings.append(statement)

    event.listen(postgresql_store.engine, "before_cursor_execute", note)
    report = send(replace(office(postgresql_store, {"email": channel}), renderer=renderer), concurrency=16)
    assert report.sent == len(keys)
    assert len(listings) == parts
    assert len(renderer.lots) == parts


def test_what_one_worker_reads_others_leave_to_it(postgresql_store: Store) -> None:
    """Two workers come to the same place; while one renders, the other does not render the same."""
    keys = owed(postgresql_store, 40)
    part = keys[0].part
    with postgresql_store.write() as connection:
        connection.execute(MESSAGE.update().where(MESSAGE.c.part != part).values(not_before=START + 9 * HOUR))
    mine = sum(key.part == part for key in keys)
    found: list[tuple[int, list[int]]] = []

    class Meeting(CountingRenderer):
        def render_many(self, batch: Sequence[Job]) -> list[list[Json] | RenderError]:
            renderer = CountingRenderer()
            other = replace(office(postgresql_store, {"email": ScriptedChannel()}), renderer=renderer)
            with ThreadPoolExecutor(1) as aside:
                found.append((aside.submit(send, other, worker="other").result().total, renderer.lots))
            return super().render_many(batch)

    given = office(postgresql_store, {"email": ScriptedChannel()})
    assert send(replace(given, renderer=Meeting()), concurrency=40).sent == mine
    assert found == [(0, [])]
    # Whoever is done leaves the place at once.
    with postgresql_store.write() as connection:
        connection.execute(MESSAGE.update().where(MESSAGE.c.part == part).values(state="queued", attempt=0))
    assert send(given, worker="other").sent == mine


def test_the_next_part_is_rendered_while_the_last_message_of_one_goes(postgresql_store: Store) -> None:
    keys = owed(postgresql_store, 40)
    first = min({key.part for key in keys}, key=own_order)
    here = sum(key.part == first for key in keys)
    assert 0 < here < len(keys)
    went_on = threading.Event()

    class Telling(CountingRenderer):
        def render_many(self, batch: Sequence[Job]) -> list[list[Json] | RenderError]:
            rendered = super().render_many(batch)
            if sum(self.lots) > here:
                went_on.set()
            return rendered

    def answer(_: Outgoing) -> Outcome:
        assert len(channel.taken) != here or went_on.wait(10)
        return sent("250 taken")

    channel = ScriptedChannel(answer)
    report = send(replace(office(postgresql_store, {"email": channel}), renderer=Telling()), concurrency=1)
    assert (report.sent, report.in_doubt) == (len(keys), 0)


def test_a_consent_withdrawn_after_rendering_is_honoured(store: Store) -> None:
    keys = owed(store, 3)

    def withdraw() -> None:
        with store.write() as connection:
            for key in keys:
                add_consent(connection, key)

    channel = after_the_first(withdraw)
    report = send(office(store, {"email": channel}), concurrency=1)
    assert (report.sent, report.suppressed, len(channel.taken)) == (1, 2, 1)
    first = channel.taken[0].key
    assert {state(store, key) for key in keys if key != first} == {("suppressed", "unsubscribed")}


def test_a_contact_erased_after_rendering_gets_nothing(sqlite_store: Store) -> None:
    owed(sqlite_store, 2)

    def erase() -> None:
        with sqlite_store.write() as connection:
            connection.execute(CONTACT.delete())

    channel = after_the_first(erase)
    report = send(office(sqlite_store, {"email": channel}), concurrency=1)
    assert (report.sent, report.suppressed, len(channel.taken)) == (1, 1, 1)


def test_quiet_hours_that_begin_after_rendering_are_kept(sqlite_store: Store) -> None:
    owed(sqlite_store, 2, contact={"timezone": "UTC"}, not_before=START - 1)
    # It is 10:00, less an instant.
    channel = after_the_first(lambda: setattr(at_the_clock(given), "at", START))
    quiet = content(quiet=(time(10), time(12)))
    given = office(sqlite_store, {"email": channel}, quiet, at=START - 1)
    report = send(given, concurrency=1)
    assert (report.sent, report.put_off) == (1, 1)
    report = send(replace(given, clock=FixedClock(START + 2 * HOUR)))
    assert report.sent == 1
