from dataclasses import dataclass

from app import _shipped
from engine.api import contacts, counts, inbox
from engine.api.demo import FLOWS, Demo, flow_of
from engine.api.sample import sample_contacts
from engine.schedule.work import until_quiet
from engine.store.session import Store
from engine.terms import DAY, HOUR, Micros
from engine.wiring import Wiring, with_clock
from tests.support.engines import engine_on


@dataclass
class HandClock:
    """The demo's clock, moved by hand."""

    at: Micros
    speed: float = 1.0
    exact: bool = True

    def micros(self) -> Micros:
        return self.at


def begun(store: Store) -> tuple[Wiring, Demo]:
    wiring = engine_on(store)
    demo = Demo.begin(wiring, _shipped(), 120, speed=1.0)
    clock = HandClock(demo.now)
    demo.clock = clock  # type: ignore[assignment]
    return with_clock(wiring, clock), demo  # type: ignore[arg-type]


def live(wiring: Wiring, demo: Demo, days: int) -> None:
    for _ in range(days * 2):
        demo.clock.at += 12 * HOUR  # type: ignore[attr-defined]
        demo.go_on(wiring)
        until_quiet(wiring)


def test_a_newcomer_sees_contacts_move(store: Store) -> None:
    wiring, demo = begun(store)
    until_quiet(wiring)
    first = {each.flow.key: each.entered for each in counts.list_flows(wiring)}
    assert set(first) == set(FLOWS)
    assert first["dormancy-30-60-90"] > 5
    live(wiring, demo, 3)
    after = {each.flow.key: each.entered for each in counts.list_flows(wiring)}
    assert after["trial-day1-8"] > first["trial-day1-8"]
    assert len(inbox.list_inbox(wiring).messages) > 5
    # New contacts come, and some open what they were sent.
    assert demo.contacts > 120
    moments = [
        moment.name
        for mail in inbox.list_inbox(wiring, limit=40).messages
        for moment in contacts.time_line(wiring, mail.contact)
    ]
    assert "message_opened" in moments


def test_a_demo_goes_on_where_it_stopped(sqlite_store: Store) -> None:
    wiring, demo = begun(sqlite_store)
    live(wiring, demo, 1)
    again = Demo.begin(wiring, _shipped(), 120, speed=1.0)
    assert (again.now, again.contacts, again.season) == (demo.now, demo.contacts, demo.season)
    assert sorted(each[0] for each in again.ahead if each[0] > demo.now + 2 * DAY) == sorted(
        each[0] for each in demo.ahead if each[0] > demo.now + 2 * DAY and "message_key" not in each[2].properties
    )


def test_samples_are_the_same_for_the_same_seed() -> None:
    made = list(sample_contacts(1, 300, 7, 0, DAY))
    assert made == list(sample_contacts(1, 300, 7, 0, DAY))
    assert len({row.email for row in made if row.email}) == sum(row.email is not None for row in made)
    assert {row.locale for row in made} >= {"zh-CN", "en-US", "de", "ja"}
    assert {flow_of(row.key) for row in made} == set(FLOWS)
