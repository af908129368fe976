from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from engine.channels import outbox
from engine.channels.base import MessageKey, Outcome, permanent, sent
from engine.channels.dispatch import recover
from engine.channels.outbox import Claimed, Result
from engine.clock import FixedClock
from engine.store.session import Store
from engine.terms import MINUTE, SECOND
from tests.channels.office import WORKER, ScriptedChannel, content, office, send
from tests.channels.world import HOUR, START, add_message, deliveries, owed, state


def crash(store: Store, key: MessageKey, *, worker: str = "dead", channel: str = "email") -> Claimed:
    """Leave a message as a process does that dies between intent and result."""
    with store.write() as connection:
        due = outbox.next_due(connection, key.part, channel, now=START, limit=1)
        claimed, _ = outbox.claim(connection, key.part, due, now=START, worker=worker, caps={})
    return claimed[0]


@pytest.mark.parametrize(("keyed", "expected"), [(False, "in_doubt"), (True, "queued")])
def test_what_a_dead_worker_left_is_in_doubt_or_sent_again(store: Store, keyed: bool, expected: str) -> None:
    (key,) = owed(store)
    crash(store, key)
    channel = ScriptedChannel(keyed=keyed)
    given = office(store, {"email": channel}, at=START + HOUR)
    found = recover(store, given.clock, given.channels, living=[WORKER], after=timedelta(minutes=2))
    assert found == ((1, 0) if keyed else (0, 1))
    assert state(store, key) == (expected, None)
    send(given)
    assert len(channel.taken) == (1 if keyed else 0)
    if not keyed:
        assert deliveries(store) == [(1, "in_doubt", outbox.LOST)]


def test_what_a_living_worker_does_or_what_is_young_is_left_alone(store: Store) -> None:
    (key,) = owed(store)
    crash(store, key, worker="alive")
    channels = {"email": ScriptedChannel()}
    two = timedelta(minutes=2)
    assert recover(store, FixedClock(START + HOUR), channels, living=["alive"], after=two) == (0, 0)
    assert recover(store, FixedClock(START + 2 * MINUTE - 1), channels, living=[], after=two) == (0, 0)
    assert recover(store, FixedClock(START + 2 * MINUTE), channels, living=[], after=two) == (0, 1)
    assert recover(store, FixedClock(START + HOUR), channels, living=[], after=two) == (0, 0)


def record(store: Store, claimed: Claimed, outcome: Outcome, *, keyed: bool = False, worker: str = "dead") -> None:
    with store.write() as connection:
        outbox.record(connection, worker, START + SECOND, [Result(claimed, outcome)], keyed=keyed)


def test_a_worker_that_slept_may_resolve_its_own_doubt(store: Store) -> None:
    (key,) = owed(store)
    claimed = crash(store, key)
    recover(store, FixedClock(START), {"email": ScriptedChannel()}, living=[], after=timedelta(0))
    assert state(store, key)[0] == "in_doubt"
    record(store, claimed, sent("250"))
    assert state(store, key)[0] == "sent"
    assert deliveries(store) == [(1, "sent", "250")]


def test_a_worker_that_slept_changes_nothing_that_others_have_taken_over(store: Store) -> None:
    (key,) = owed(store)
    claimed = crash(store, key)
    recover(store, FixedClock(START), {"email": ScriptedChannel(keyed=True)}, living=[], after=timedelta(0))
    record(store, claimed, permanent("550"), keyed=True)
    assert state(store, key)[0] == "queued"
    again = crash(store, key, worker="other")
    assert again.attempt == 2
    record(store, claimed, permanent("550"))
    assert state(store, key)[0] == "sending"


@pytest.mark.parametrize(("keyed", "becomes", "goes"), [(True, "sent", 2), (False, "in_doubt", 1)])
def test_what_a_round_left_that_failed_is_settled_by_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch, keyed: bool, becomes: str, goes: int
) -> None:
    # The process lives on: nobody else would ever look at its messages.
    (key,) = owed(store)
    channel = ScriptedChannel(keyed=keyed)
    given = office(store, {"email": channel})

    def lost(_connection: object, _worker: str, _now: int, results: Sequence[Result], **_: object) -> None:
        if results:
            raise OperationalError("UPDATE message", {}, Exception("the connection was lost"))

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "record", lost)
        with pytest.raises(OperationalError):
            send(given)
    assert state(store, key) == ("sending", None)
    send(given)
    assert (state(store, key)[0], len(channel.taken)) == (becomes, goes)


def test_what_our_own_database_kept_from_the_inbox_goes_at_once_and_no_other_channel_suffers(store: Store) -> None:
    (mail,) = owed(store, contact={"phone": "+8613800000000"})
    text = mail._replace(node=2)
    with store.write() as connection:
        add_message(connection, text, channel="sms")

    def fails(_message: object) -> Outcome:
        raise OperationalError("INSERT INTO inbox", {}, Exception("the connection was lost"))

    slow, inbox = ScriptedChannel(), ScriptedChannel(answer=fails, keyed=True)
    given = office(store, {"email": slow, "sms": inbox}, {1: content(), 2: content(channel="sms")})
    with pytest.raises(OperationalError):
        send(given)
    assert state(store, mail) == ("sent", None)
    inbox.answer = lambda message: sent("taken")
    send(given)
    assert state(store, text) == ("sent", None)
    assert (len(slow.taken), len(inbox.taken)) == (1, 2)
