"""In which threads a window of dispatch has its transactions."""

import threading
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.engine import Connection

from engine.channels.base import Outcome, Outgoing, sent
from engine.channels.outbox import Claimed
from engine.store.session import Store
from tests.channels.office import ScriptedChannel, content, office, send
from tests.channels.world import add_message, owed


def threads_of_turns(store: Store, channels: Sequence[str]) -> set[int]:
    found: set[int] = set()

    def note(_connection: Connection, _worker: str, went: Sequence[Claimed]) -> None:
        found.update([threading.get_ident()] if went else [])

    def answer(_: Outgoing) -> Outcome:
        return sent("250 taken")

    said = {place: content(channel=name) for place, name in enumerate(channels, 1)}
    given = office(store, {name: ScriptedChannel(answer) for name in channels}, said)
    assert send(replace(given, note_sent=note)).sent == len(channels)
    return found


def test_a_channel_that_goes_alone_needs_no_thread_for_its_transactions(store: Store) -> None:
    owed(store)
    assert threads_of_turns(store, ["email"]) == {threading.get_ident()}


def test_no_channel_waits_for_the_transactions_of_another(store: Store) -> None:
    (key,) = owed(store, contact={"phone": "+15550000001"})
    with store.write() as connection:
        add_message(connection, key._replace(node=2), channel="sms")
    assert threading.get_ident() not in threads_of_turns(store, ["email", "sms"])
