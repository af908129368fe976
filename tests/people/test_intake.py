import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Any

import pytest
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from engine.errors import StoreError
from engine.people import intake as room
from engine.people.events import Recorded
from engine.people.intake import Intake, IntakeClosed, IntakeFull, Submission
from engine.people.segment_api import IncomingEvent, Refusal
from engine.store.session import Store
from tests.people.sights import NOW, rows_in


def call(key: str, user: str = "ann") -> IncomingEvent:
    return IncomingEvent("track", user, key, NOW, NOW, "key", name="used")


def sent(*keys: str, refused: Sequence[Refusal] = (), size: int = 0) -> Submission:
    return Submission("key", NOW, [call(key) for key in keys], refused, size=size)


def stored(store: Store) -> list[str]:
    return [key for (key,) in rows_in(store, "event", "message_id")]


def test_calls_that_wait_are_written_together(store: Store) -> None:
    heard: list[Recorded] = []
    intake = Intake(store, told=heard.append)
    futures = [intake.submit(sent(f"a{number}", f"b{number}")) for number in range(3)]
    assert not any(future.done() for future in futures)
    assert stored(store) == []
    assert intake.drain() == 1
    assert all(future.result(timeout=0).events == 6 for future in futures)
    assert heard == [Recorded(events=6, created=1)]
    assert len(stored(store)) == 6


def test_groups_have_an_end(store: Store) -> None:
    intake = Intake(store, group=3)
    for number in range(4):
        intake.submit(sent(f"a{number}", f"b{number}"))
    intake.submit(sent(*(f"c{number}" for number in range(7))))
    assert intake.drain() == 5
    assert len(stored(store)) == 15


def test_a_full_queue_says_when_to_come_again(store: Store) -> None:
    intake = Intake(store, capacity=5, group=2)
    intake.submit(sent("a", "b", "c"))
    intake.submit(sent("d", "e"))
    with pytest.raises(IntakeFull) as caught:
        intake.submit(sent("f"))
    assert caught.value.retry_after == 3
    assert caught.value.retryable
    intake.drain()
    intake.submit(sent("f"))
    intake.drain()
    assert stored(store) == list("abcdef")


def test_a_large_request_is_taken_when_nothing_waits(store: Store) -> None:
    intake = Intake(store, capacity=2)
    intake.submit(sent("a", "b", "c"))
    intake.drain()
    assert stored(store) == ["a", "b", "c"]


def test_bytes_that_wait_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CAPACITY_BYTES", 1_000)
    intake = Intake(store)
    intake.submit(sent("a", size=900))
    with pytest.raises(IntakeFull):
        intake.submit(sent("b", size=200))
    intake.drain()
    intake.submit(sent("b", size=900))


def test_refusals_are_kept_in_the_same_transaction(store: Store) -> None:
    intake = Intake(store)
    intake.submit(
        sent("a", refused=[Refusal(1, "event", "no name", '{"userId":"x"}'), Refusal(2, "text", "\x00", "\x00")])
    )
    intake.drain()
    found = rows_in(store, "event_refusal", "workspace_id", "at", "source", "position", "reason", "payload")
    assert found == [
        (1, NOW, "key", 1, "event: no name", '{"userId":"x"}'),
        (1, NOW, "key", 2, "text: \ufffd", "\ufffd"),
    ]


def test_one_bad_call_stops_nobody_else(store: Store) -> None:
    intake = Intake(store)
    futures = [intake.submit(sent(f"a{number}")) for number in range(5)]
    bad = intake.submit(Submission("key", NOW, [call("bad")._replace(at="yesterday")]))  # type: ignore[arg-type]
    futures.append(intake.submit(sent("a5")))
    if store.name == "sqlite":
        bad = intake.submit(Submission("key", NOW, [call("worse")._replace(properties={"x": object()})]))  # type: ignore[dict-item]
    intake.drain()
    assert isinstance(bad.exception(timeout=0), Exception)
    assert all(future.exception(timeout=0) is None for future in futures)
    assert [key for key in stored(store) if key.startswith("a")] == [f"a{number}" for number in range(6)]


def test_a_database_that_is_away_fails_all_at_once(store: Store) -> None:
    tries: list[int] = []

    def full(connection: Connection, submissions: Sequence[Submission]) -> None:
        tries.append(len(submissions))
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    intake = Intake(store, alongside=full)
    futures = [intake.submit(sent(f"a{number}")) for number in range(8)]
    intake.drain()
    assert all(isinstance(future.exception(timeout=0), StoreError) for future in futures)
    assert tries == [8]
    assert stored(store) == []


def test_a_collision_with_another_writer_is_tried_again(postgresql_store: Store) -> None:
    tries: list[int] = []

    class Deadlock(Exception):
        sqlstate = "40P01"

    def collide(connection: Connection, submissions: Sequence[Submission]) -> None:
        tries.append(len(submissions))
        if len(tries) < 3:
            raise OperationalError("INSERT", {}, Deadlock())

    intake = Intake(postgresql_store, alongside=collide)
    future = intake.submit(sent("a"))
    intake.drain()
    assert future.result(timeout=0).events == 1
    assert tries == [1, 1, 1]


def test_who_went_away_is_not_written(store: Store) -> None:
    intake = Intake(store)
    gone, here = intake.submit(sent("a")), intake.submit(sent("b"))
    gone.cancel()
    intake.drain()
    with pytest.raises(CancelledError):
        gone.result(timeout=0)
    assert here.result(timeout=0).events == 1
    assert stored(store) == ["b"]


def test_a_listener_that_fails_stops_nothing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def fail(recorded: Recorded) -> None:
        raise ValueError("deaf")

    intake = Intake(store, told=fail)
    future = intake.submit(sent("a"))
    intake.drain()
    assert future.result(timeout=0).events == 1
    assert "nobody heard" in caplog.text


def test_closing_writes_what_waits_and_takes_no_more(store: Store) -> None:
    intake = Intake(store)
    future = intake.submit(sent("a"))
    intake.close()
    assert future.result(timeout=0).events == 1
    with pytest.raises(IntakeClosed):
        intake.submit(sent("b"))


def test_many_callers_and_one_writer(store: Store) -> None:
    intake = Intake(store, group=50).start()
    results: list[Any] = []

    def send(name: str) -> None:
        for number in range(20):
            future = intake.submit(sent(f"{name}{number}", f"{name}{number % 7}x"))
            results.append(future.result(timeout=60))

    threads = [threading.Thread(target=send, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    intake.close()
    assert len(results) == 80
    assert len(stored(store)) == 4 * (20 + 7)
    numbers = rows_in(store, "event", "part", "id")
    assert len(set(numbers)) == len(numbers)
