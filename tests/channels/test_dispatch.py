import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.channels import dispatch as dispatching
from engine.channels import outbox
from engine.channels.base import MessageKey, Outcome, Outgoing, Request, in_doubt, permanent, sent, temporary
from engine.channels.dispatch import Office
from engine.channels.outbox import BACKOFF
from engine.clock import FixedClock
from engine.store.session import Store
from engine.terms import MINUTE
from tests.channels.office import WORKER, ScriptedChannel, content, office, send
from tests.channels.world import (
    CONTACT,
    DAY,
    EVENT,
    HOUR,
    MESSAGE,
    START,
    SUPPRESSION,
    add_consent,
    add_contact,
    add_event,
    add_flow,
    add_message,
    deliveries,
    message,
    owed,
    set_settings,
    state,
)


def at(given: Office, instant: int) -> Office:
    return replace(given, clock=FixedClock(instant))


def test_a_message_goes_once_and_is_recorded(store: Store) -> None:
    (key,) = owed(store)
    channel = ScriptedChannel()
    given = office(store, {"email": channel}, at=START + 5)
    report = send(given)
    assert (report.sent, report.total, channel.opened) == (1, 1, 0)
    (outgoing,) = channel.taken
    assert (outgoing.key, outgoing.address, outgoing.subject) == (key, "c1@example.com", "Hi c1")
    assert outgoing.text.startswith("Hello c1\n")
    with store.read() as connection:
        row = message(connection, key)
    assert (row.state, row.sent_at, row.attempt, row.intent_at) == ("sent", START + 5, 1, START + 5)
    assert row.worker == WORKER
    assert deliveries(store) == [(1, "sent", "250 taken")]
    assert send(given).total == 0
    assert len(channel.taken) == 1


def test_only_what_is_due_and_of_a_running_flow_goes(store: Store) -> None:
    due, later, paused, elsewhere = owed(store, 4)
    with store.write() as connection:
        add_flow(connection, number=2, state="paused")
        change = MESSAGE.update()
        connection.execute(change.where(MESSAGE.c.contact_id == later.contact_id).values(not_before=START + 1))
        connection.execute(change.where(MESSAGE.c.contact_id == paused.contact_id).values(version_id=2))
        connection.execute(change.where(MESSAGE.c.contact_id == elsewhere.contact_id).values(channel="sms"))
    channel = ScriptedChannel()
    send(office(store, {"email": channel}))
    assert [outgoing.key for outgoing in channel.taken] == [due]
    assert [state(store, key)[0] for key in (later, paused, elsewhere)] == ["queued"] * 3


def test_the_oldest_go_first_and_the_limit_holds(sqlite_store: Store) -> None:
    keys = owed(sqlite_store, 5)
    with sqlite_store.write() as connection:
        for place, key in enumerate(keys):
            connection.execute(
                MESSAGE.update().where(MESSAGE.c.contact_id == key.contact_id).values(not_before=START - place)
            )
    channel = ScriptedChannel()
    send(office(sqlite_store, {"email": channel}), limit=3, concurrency=1)
    assert [outgoing.key for outgoing in channel.taken] == keys[:1:-1]


def test_stop_leaves_nothing_in_flight(store: Store) -> None:
    owed(store, 20)
    channel = ScriptedChannel()
    report = send(office(store, {"email": channel}), concurrency=2, stop=lambda: len(channel.taken) >= 4)
    assert 4 <= len(channel.taken) <= 6
    assert report.sent == len(channel.taken)
    with store.read() as connection:
        states = connection.scalars(sa.select(MESSAGE.c.state).distinct()).all()
    assert set(states) == {"sent", "queued"}


# ---------------------------------------------------------------- policy at the intent


def test_consent_withdrawn_meanwhile_is_honoured(store: Store) -> None:
    (key,) = owed(store)
    with store.write() as connection:
        add_consent(connection, key)
    channel = ScriptedChannel()
    report = send(office(store, {"email": channel}))
    assert (report.suppressed, channel.taken) == (1, [])
    assert state(store, key) == ("suppressed", "unsubscribed")
    assert deliveries(store) == []


def test_a_contact_that_is_gone_gets_nothing_on_any_channel(store: Store) -> None:
    mail, hook = owed(store, 2)
    with store.write() as connection:
        connection.execute(MESSAGE.update().where(MESSAGE.c.contact_id == hook.contact_id).values(channel="webhook"))
        connection.execute(CONTACT.delete())
    channel = ScriptedChannel()
    send(office(store, {"email": channel, "webhook": channel}))
    assert channel.taken == []
    assert {state(store, key) for key in (mail, hook)} == {("suppressed", "no_address")}


def test_the_cap_skips(store: Store) -> None:
    (key,) = owed(store)
    with store.write() as connection:
        set_settings(connection, {"frequency_cap": {"messages": 1, "per": "7d"}})
        add_message(connection, key._replace(node=2), state="in_doubt", not_before=START - DAY)
    channel = ScriptedChannel()
    send(office(store, {"email": channel}))
    assert state(store, key) == ("suppressed", "cap")
    assert channel.taken == []


def test_the_cap_delays_and_the_message_goes_then(store: Store) -> None:
    (key,) = owed(store)
    other = key._replace(node=2)
    with store.write() as connection:
        set_settings(connection, {"frequency_cap": {"messages": 1, "per": "7d", "on_excess": "delay"}})
        add_message(connection, other, state="sent", sent_at=START - DAY, due_at=START - DAY, not_before=START - DAY)
    channel = ScriptedChannel()
    given = office(store, {"email": channel})
    send(given)
    with store.read() as connection:
        row = message(connection, key)
    assert (row.state, row.reason, row.not_before, row.attempt) == ("queued", None, START + 6 * DAY, 0)
    send(at(given, START + 6 * DAY))
    assert state(store, key) == ("sent", None)


@pytest.mark.parametrize("of_the_workspace", [False, True])
def test_in_quiet_hours_a_message_waits_for_their_end(store: Store, of_the_workspace: bool) -> None:
    keys = owed(store, 2, contact={"timezone": "Asia/Shanghai"})
    with store.write() as connection:
        # 18:00 in Shanghai, 10:00 in London.
        connection.execute(CONTACT.update().where(CONTACT.c.id == keys[1].contact_id).values(timezone="Not/AZone"))
        if of_the_workspace:
            set_settings(connection, {"quiet_hours": {"from": "17:00", "to": "09:00"}})
    quiet = None if of_the_workspace else (time(17), time(9))
    channel = ScriptedChannel()
    given = office(store, {"email": channel}, content(quiet=quiet, timezone="Europe/London"))
    report = send(given)
    assert (report.put_off, report.sent) == (1, 1)
    with store.read() as connection:
        row = message(connection, keys[0])
    assert (row.state, row.not_before, row.attempt, row.intent_at) == ("queued", START + 15 * HOUR, 0, None)
    send(at(given, START + 15 * HOUR))
    assert state(store, keys[0])[0] == "sent"


def test_a_webhook_knows_no_quiet_hours(store: Store) -> None:
    (key,) = owed(store, channel="webhook")
    channel = ScriptedChannel()
    hook = content(channel="webhook", quiet=(time(0), time(23)), request=Request("https://a.example/{{ contact.id }}"))
    send(office(store, {"webhook": channel}, hook))
    assert state(store, key)[0] == "sent"
    assert channel.taken[0].request is not None
    assert channel.taken[0].request.url == "https://a.example/c1"


# ---------------------------------------------------------------- rendering


def test_languages_and_variables(store: Store) -> None:
    keys = owed(store, 2, contact={"attributes": {"name": "王", "value": 3}, "account_id": 9})
    with store.write() as connection:
        connection.execute(CONTACT.update().where(CONTACT.c.id == keys[1].contact_id).values(locale="zh-TW"))
        add_event(connection, keys[0], 1, "trial_started", at=START - 2 * HOUR, properties={"plan": "old"})
        add_event(connection, keys[0], 2, "trial_started", at=START - HOUR, properties={"plan": "pro"})
        add_event(connection, keys[0], 3, "trial_started", at=START, properties={"plan": "later"})
    said = content(
        subject={"en": "{{ contact.name }} {{ contact.score }}", "zh-CN": "你好"},
        text="{{ event.plan | default('none') }} {{ account.name | default('no account') }} {{ flow.name }} "
        "{{ contact.created_at | date }} {{ unsubscribe_url }}",
        flow_name={"en": "Trial", "zh-CN": "试用"},
        trigger_events=("trial_started",),
    )
    channel = ScriptedChannel()
    send(office(store, {"email": channel}, said))
    first, second = sorted(channel.taken, key=lambda outgoing: outgoing.key.contact_id)
    assert first.subject == "王 3"
    assert first.text == f"pro no account Trial 2026-03-01 {first.unsubscribe_url}"
    assert (second.subject, second.locale) == ("你好", "zh-TW")
    assert second.text.startswith("none no account 试用 ")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"text": "Hi {{ contact.name }},"}, "missing_variable"),
        ({"text": "{{ contact.id() }}"}, "render_error"),
        ({"text": "{{ 1 / 0 }}"}, "render_error"),
        ({"text": "  "}, "render_error"),
        ({"subject": "a\nb"}, "render_error"),
        ({"late": timedelta(minutes=1)}, "late"),
        (None, "render_error"),
    ],
)
def test_what_cannot_be_rendered_is_suppressed(store: Store, fields: dict[str, Any] | None, reason: str) -> None:
    (key,) = owed(store)
    channel = ScriptedChannel()
    contents = {} if fields is None else {1: content(**fields)}
    report = send(office(store, {"email": channel}, contents, at=START + 2 * MINUTE))
    assert (report.suppressed, channel.taken) == (1, [])
    assert state(store, key) == ("suppressed", reason)
    assert deliveries(store) == []


def test_a_message_that_policy_put_off_is_not_late_for_that_but_one_that_was_refused_is(store: Store) -> None:
    put_off, refused = owed(store, 2)
    with store.write() as connection:
        late = MESSAGE.update().where(MESSAGE.c.contact_id == put_off.contact_id)
        connection.execute(late.values(not_before=START + HOUR))
    given = office(
        store, {"email": ScriptedChannel(lambda message: temporary("451"))}, content(late=timedelta(seconds=30))
    )
    send(given)
    given = replace(given, channels={"email": ScriptedChannel()})
    send(at(given, START + MINUTE))
    send(at(given, START + HOUR))
    assert state(store, refused) == ("suppressed", "late")
    assert state(store, put_off) == ("sent", None)


# ---------------------------------------------------------------- outcomes


def test_a_temporary_refusal_is_tried_again_later_and_later(store: Store) -> None:
    (key,) = owed(store)
    channel = ScriptedChannel(lambda message: temporary("451 later"))
    given = office(store, {"email": channel})
    now = START
    for wait in BACKOFF:
        assert send(at(given, now)).again == 1
        assert send(at(given, now + wait - 1)).total == 0
        assert state(store, key) == ("queued", None)
        now += wait
    send(at(given, now))
    assert state(store, key) == ("failed", "given_up")
    assert deliveries(store) == [(attempt, "temporary", "451 later") for attempt in range(1, len(BACKOFF) + 2)]
    assert now - START >= 3 * DAY


@pytest.mark.parametrize(("asked", "wait"), [(1, MINUTE), (HOUR, HOUR), (400 * DAY, DAY)])
def test_the_provider_may_ask_for_more_time(store: Store, asked: int, wait: int) -> None:
    (key,) = owed(store)
    send(office(store, {"email": ScriptedChannel(lambda message: temporary("429", asked))}))
    with store.read() as connection:
        assert message(connection, key).not_before == START + wait


def test_a_permanent_refusal_is_final(store: Store) -> None:
    (key,) = owed(store)
    channel = ScriptedChannel(lambda message: permanent("554 no"))
    given = office(store, {"email": channel})
    assert send(given).failed == 1
    assert send(at(given, START + 100 * DAY)).total == 0
    assert state(store, key) == ("failed", "refused")
    with store.read() as connection:
        assert connection.execute(sa.select(SUPPRESSION)).all() == []


def test_a_bounce_suppresses_the_address_and_becomes_an_event(store: Store) -> None:
    (key,) = owed(store)
    given = office(store, {"email": ScriptedChannel(lambda message: permanent("550 5.1.1 unknown", bounce=True))})
    send(given)
    assert state(store, key) == ("failed", "bounced")
    again = key._replace(node=2)
    with store.write() as connection:
        assert message(connection, key).bounced_at == START
        event = connection.execute(sa.select(EVENT)).one()
        add_message(connection, again)
    assert (event.name, event.properties["message_key"], event.contact_id) == ("message_bounced", str(key), 1)
    send(given)
    assert state(store, again) == ("suppressed", "bounced")


def test_doubt_is_never_sent_again_by_itself(store: Store) -> None:
    (key,) = owed(store)
    given = office(store, {"email": ScriptedChannel(lambda message: in_doubt("cut"))})
    assert send(given).in_doubt == 1
    assert send(at(given, START + 100 * DAY)).total == 0
    assert state(store, key) == ("in_doubt", None)
    assert deliveries(store) == [(1, "in_doubt", "cut")]


@pytest.mark.parametrize("arrived", [False, True])
def test_a_person_settles_a_doubt(store: Store, arrived: bool) -> None:
    (key,) = owed(store)
    send(office(store, {"email": ScriptedChannel(lambda message: in_doubt("cut"))}))
    with store.write() as connection:
        assert outbox.settle(connection, key, START + 1, arrived=arrived)
        assert not outbox.settle(connection, key, START + 1, arrived=arrived)
    channel = ScriptedChannel()
    send(office(store, {"email": channel}, at=START + 2))
    assert len(channel.taken) == (0 if arrived else 1)
    assert state(store, key) == ("sent", None)


def test_doubt_on_a_channel_that_knows_repeats_is_sent_again(store: Store) -> None:
    (key,) = owed(store)
    channel = ScriptedChannel(lambda message: in_doubt("cut"), keyed=True)
    given = office(store, {"email": channel})
    send(given)
    assert state(store, key) == ("queued", None)
    send(at(given, START + MINUTE))
    assert [outgoing.key for outgoing in channel.taken] == [key, key]


def test_a_channel_that_breaks_leaves_doubt_and_stops_nobody_else(store: Store) -> None:
    keys = owed(store, 3)

    def answer(outgoing: Outgoing) -> Outcome:
        if outgoing.key == keys[1]:
            raise RuntimeError("broken")
        return sent()

    report = send(office(store, {"email": ScriptedChannel(answer)}))
    assert (report.sent, report.in_doubt) == (2, 1)
    assert state(store, keys[1]) == ("in_doubt", None)


# ---------------------------------------------------------------- in flight


@dataclass
class GatedChannel(ScriptedChannel):
    """Hold every message until as many are in flight as may be, and note how many there were."""

    width: int = 4
    flying: int = 0
    most: int = 0
    gate: list[asyncio.Future[None]] = field(default_factory=list)
    store: Store | None = None
    intents: set[str] = field(default_factory=set)

    async def deliver(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        self.flying += len(messages)
        self.most = max(self.most, self.flying)
        assert self.store is not None
        with self.store.read() as connection:
            # Another connection sees the intent: it is committed, and no transaction is open.
            self.intents.update(message(connection, each.key).state for each in messages)
        if self.flying == self.width:
            for waiting in self.gate:
                waiting.set_result(None)
            self.gate = []
        else:
            self.gate.append(asyncio.get_running_loop().create_future())
            await self.gate[-1]
        self.flying -= len(messages)
        return await super().deliver(messages)


def test_no_more_than_so_many_are_in_flight_and_their_intents_are_committed(store: Store) -> None:
    owed(store, 4)
    channel = GatedChannel(width=4, store=store)
    send(office(store, {"email": channel}), concurrency=4)
    assert (channel.most, len(channel.taken), channel.intents) == (4, 4, {"sending"})


def test_two_workers_send_nothing_twice(store: Store) -> None:
    keys = owed(store, 40)
    channel = ScriptedChannel()
    given = office(store, {"email": channel})
    threads = [threading.Thread(target=send, args=(given,), kwargs={"worker": f"w{n}"}) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outgoing.key for outgoing in channel.taken) == sorted(keys)
    with store.read() as connection:
        assert connection.scalars(sa.select(MESSAGE.c.state).distinct()).all() == ["sent"]


def test_several_channels_and_names_of_one_object(store: Store) -> None:
    (key,) = owed(store, contact={"phone": "+86", "attributes": {"wecom_id": "w"}})
    with store.write() as connection:
        add_message(connection, key._replace(node=2), channel="sms")
        add_message(connection, key._replace(node=3), channel="wecom")
    one, other = ScriptedChannel(), ScriptedChannel(batch=10)
    contents = {1: content(html="<p>x</p>"), 2: content(channel="sms"), 3: content(channel="wecom")}
    given = office(store, {"email": one, "sms": other, "wecom": other}, contents)
    send(given)
    assert [outgoing.address for outgoing in one.taken] == ["c1@example.com"]
    assert "<p>x</p>" in one.taken[0].html
    assert sorted((outgoing.address, outgoing.text) for outgoing in other.taken) == [
        ("+86", "Hello c1"),
        ("w", "Hello c1"),
    ]


def test_the_number_of_statements_does_not_grow_with_the_messages(sqlite_store: Store) -> None:
    counted: list[str] = []
    sa.event.listen(sqlite_store.engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    channel = ScriptedChannel(batch=200)
    given = office(sqlite_store, {"email": channel})
    seen = []
    with sqlite_store.write() as connection:
        add_flow(connection)
    for first, count in ((1, 10), (1000, 100)):
        with sqlite_store.write() as connection:
            for number in range(first, first + count):
                add_message(connection, add_contact(connection, sqlite_store, number))
        counted.clear()
        send(given)
        seen.append(len(counted))
    assert len(channel.taken) == 110
    assert seen[0] == seen[1]


def test_nothing_is_read_where_others_have_been(postgresql_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers list the same places; while one is at its first the other hands over all the rest."""
    owed(postgresql_store, 12)
    other = office(postgresql_store, {"email": ScriptedChannel(batch=10)})
    channel = ScriptedChannel()
    look = outbox.next_due
    looked: list[int] = []

    def meanwhile(connection: Any, part: int, *given: Any, **more: Any) -> Any:
        if not looked:
            monkeypatch.setattr(outbox, "next_due", look)
            # In a thread, as it would be in another process: this one has its event loop running.
            with ThreadPoolExecutor(1) as aside:
                aside.submit(send, other, worker="other").result()
            monkeypatch.setattr(outbox, "next_due", meanwhile)
        looked.append(part)
        return look(connection, part, *given, **more)

    monkeypatch.setattr(dispatching, "FRESH", -1.0)
    monkeypatch.setattr(outbox, "next_due", meanwhile)
    assert send(office(postgresql_store, {"email": channel})).total == len(channel.taken) > 0
    # The second place showed that somebody has been there; of the others, listed before, none is looked at.
    assert len(set(looked)) == len(looked) == 2


def test_a_key_is_written_and_read() -> None:
    key = MessageKey(3, 4, 5, 6, 7)
    assert str(key) == "3-4-5-6-7"
    assert MessageKey.parse("3-4-5-6-7") == key
    for wrong in ("", "1-2", "a-b-c-d-e"):
        with pytest.raises((ValueError, TypeError)):
            MessageKey.parse(wrong)
