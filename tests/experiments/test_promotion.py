"""Promotion: once, with its reasons, for everybody who comes later; taken back when it was wrong, or by hand."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa

from engine.api.experiments import reports
from engine.experiments.division import EXPOSURE, SHARE
from engine.experiments.ledger import TALLY
from engine.experiments.promote import DECISION
from engine.run.conversions import experiments
from engine.run.letters import letters
from engine.schedule.work import judge_once, tick_once
from engine.store.session import Store
from engine.store.tables import Contact, Delivery, Inbox, Message
from engine.store.tables.experiments import SENT
from engine.terms import DAY, HOUR
from engine.wiring import Wiring, look
from tests.experiments.flows import experiment, given, recounted, sign_up, split, tallies, world
from tests.support.engines import add_contacts, engine_on, go_live, pass_time, settle

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
INBOX: sa.Table = Inbox.__table__  # type: ignore[attr-defined]
DELIVERY: sa.Table = Delivery.__table__  # type: ignore[attr-defined]


def seen(wiring: Wiring, counts: dict[str, tuple[int, int]], *, epoch: int = 0, what: int = 1) -> None:
    """Add to the running counts, as if so many had been shown a variant an hour ago, and so many had acted."""
    started = wiring.clock.micros() - wiring.clock.micros() % HOUR
    rows = []
    for variant, (acted, shown) in counts.items():
        where = {"part": 0, "experiment_id": experiment(wiring).id, "epoch": epoch, "hour": started + HOUR}
        if shown:
            rows.append({**where, "variant": variant, "what": 0, "contacts": shown})
        rows.append({**where, "variant": variant, "what": what, "contacts": acted})
    with wiring.store.write() as connection:
        connection.execute(TALLY.insert(), rows)


def decided(wiring: Wiring) -> list[str]:
    with wiring.store.read() as connection:
        return [str(act) for act in connection.scalars(sa.select(DECISION.c.act).order_by(DECISION.c.number))]


def proven(store: Store, **config: Any) -> tuple[Wiring, list[str]]:
    """Give an engine in which b is proven better, and nobody has looked yet."""
    wiring, keys = world(store, people=20, **config)
    seen(wiring, {"a": (500, 10_000), "b": (650, 10_000)})
    pass_time(wiring, "10d")
    return wiring, keys


def test_the_better_one_is_promoted_once_and_says_why(store: Store) -> None:
    wiring, _ = proven(store)
    (judged,) = judge_once(wiring)
    assert judged.act.kind == "promoted"
    assert judge_once(wiring) == []
    row = experiment(wiring)
    assert (row.state, row.winner, row.runner_up, row.epoch) == ("promoted", "b", "a", 1)
    with store.read() as connection:
        (record,) = connection.execute(sa.select(DECISION)).all()
    assert (record.act, record.variant, record.by, record.at) == ("promoted", "b", "engine", wiring.clock.micros())
    facts = record.facts
    assert facts["evidence"] >= facts["needed"]
    assert facts["ratio"][0] > 1
    assert facts["alpha"] == 0.05
    assert facts["counts"]["b"][0] == 650


def test_those_who_come_later_get_the_winner_and_nobody_is_switched(store: Store) -> None:
    wiring, keys = proven(store)
    before = given(wiring)
    judge_once(wiring)
    later = [f"later{number}" for number in range(200)]
    add_contacts(wiring, *later)
    sign_up(wiring, [*later, *keys])
    shown = given(wiring)
    assert before.items() <= shown.items()
    counted = Counter(shown[key] for key in later)
    assert counted["b"] >= 180
    assert counted["a"] >= 1
    pass_time(wiring, "14d")
    assert [each.act.kind for each in judge_once(wiring)] == ["settled"]
    last = [f"last{number}" for number in range(50)]
    add_contacts(wiring, *last)
    sign_up(wiring, last)
    assert {given(wiring)[key] for key in last} == {"b"}
    assert given(wiring).items() >= shown.items()


def test_those_who_waited_get_the_winner_and_say_nothing_of_it(store: Store) -> None:
    wiring, keys = proven(store, sample=0.3)
    first = given(wiring)
    judge_once(wiring)
    settle(wiring)
    shown = given(wiring)
    waited = set(keys) - set(first)
    assert waited
    assert {shown[key] for key in waited} == {"b"}
    assert first.items() <= shown.items()
    with store.read() as connection:
        epochs = Counter(connection.scalars(sa.select(EXPOSURE.c.epoch)))
    assert epochs == Counter({0: len(first), -1: len(waited)})


@pytest.mark.parametrize(
    ("config", "length", "waits"),
    [
        ({}, "6d", "days"),
        ({"promote": {"min_per_variant": 20_000}}, "10d", "contacts"),
        ({"promote": {"mode": "off"}}, "10d", "off"),
    ],
)
def test_nothing_is_promoted_too_early(sqlite_store: Store, config: dict[str, Any], length: str, waits: str) -> None:
    wiring, _ = world(sqlite_store, people=20, **config)
    seen(wiring, {"a": (500, 10_000), "b": (650, 10_000)})
    pass_time(wiring, length)
    assert judge_once(wiring) == []


def test_young_exposures_do_not_count(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=20)
    pass_time(wiring, "10d")
    seen(wiring, {"a": (500, 10_000), "b": (650, 10_000)})
    pass_time(wiring, "2d")
    assert judge_once(wiring) == []
    pass_time(wiring, "4h")
    assert [each.act.kind for each in judge_once(wiring)] == ["promoted"]


def test_messages_that_do_not_go_out_as_drawn_forbid_promotion(store: Store) -> None:
    wiring, keys = world(store, people=20, sends=True)
    shown = Counter(given(wiring).values())
    assert Counter({way: count for (way, what), count in tallies(wiring).items() if what == SENT}) == shown
    pass_time(wiring, "1h")
    sign_up(wiring, keys)
    assert Counter({way: count for (way, what), count in tallies(wiring).items() if what == SENT}) == shown
    seen(wiring, {"a": (500, 10_000), "b": (650, 10_000)})
    seen(wiring, {"a": (9_900, 0), "b": (8_900, 0)}, what=SENT)
    pass_time(wiring, "10d")
    (judged,) = judge_once(wiring)
    assert judged.act.kind == "split_off"
    assert judged.act.facts["sent"] == {"a": 9_900 + shown["a"], "b": 8_900 + shown["b"]}
    assert judge_once(wiring) == []


@pytest.mark.parametrize(
    ("types", "alike"),
    [
        (("send.email", "send.email"), {"a", "b"}),
        (("send.email", "send.sms"), set()),
        (("send.email", "wait.delay"), set()),
        (("send.email", "contact.tag"), {"a", "b"}),
    ],
)
def test_only_messages_that_go_the_same_way_are_compared(
    sqlite_store: Store, types: tuple[str, str], alike: set[str]
) -> None:
    wiring = engine_on(sqlite_store)
    drawn = split(sends=True)
    config = {"wait.delay": {"duration": "1d"}, "contact.tag": {"add": ["x"]}, "send.sms": {"text": "Hello"}}
    first = {"id": "first", "type": types[1], "config": config.get(types[1], {"subject": "x", "text": "x"})}
    drawn["nodes"].append(first)
    drawn["edges"][-1]["to"] = "first"
    drawn["edges"].append({"from": "first", "to": "b"})
    go_live(wiring, drawn)
    with sqlite_store.read() as connection:
        ((plan, node, comparison),) = experiments(look(wiring, connection)).values()
    assert set(letters(plan, node, comparison)) == alike


def test_a_split_that_is_off_forbids_promotion(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=20)
    seen(wiring, {"a": (500, 10_000), "b": (650, 9_000)})
    pass_time(wiring, "10d")
    assert [each.act.kind for each in judge_once(wiring)] == ["split_off"]
    assert judge_once(wiring) == []
    assert experiment(wiring).state == "running"


def test_a_variant_that_does_harm_is_paused(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=20, guardrails=[{"event": "unsubscribed"}])
    seen(wiring, {"a": (20, 10_000), "b": (90, 10_000)}, what=2)
    pass_time(wiring, "3d")
    assert [each.act.kind for each in judge_once(wiring)] == ["paused"]
    assert experiment(wiring).state == "harmed"
    later = [f"later{number}" for number in range(30)]
    add_contacts(wiring, *later)
    sign_up(wiring, later)
    assert {given(wiring)[key] for key in later} == {"a"}


def test_of_three_the_worst_goes_first(sqlite_store: Store) -> None:
    variants = [{"key": "a"}, {"key": "b"}, {"key": "c"}]
    wiring, _ = world(sqlite_store, people=20, variants=variants)
    seen(wiring, {"a": (300, 10_000), "b": (600, 10_000), "c": (620, 10_000)})
    pass_time(wiring, "10d")
    (judged,) = judge_once(wiring)
    assert (judged.act.kind, judged.act.variant) == ("dropped", "a")
    with sqlite_store.read() as connection:
        shares = {row.variant: row.share for row in connection.execute(sa.select(SHARE).where(SHARE.c.epoch == 1))}
    assert shares == {"a": 0.0, "b": 0.5, "c": 0.5}
    seen(wiring, {"b": (3_000, 50_000), "c": (4_000, 50_000)}, epoch=1)
    pass_time(wiring, "3d")
    assert [(each.act.kind, each.act.variant) for each in judge_once(wiring)] == [("promoted", "c")]


def test_no_difference_worth_having(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=20, promote={"mde": 0.2})
    seen(wiring, {"a": (20_000, 100_000), "b": (20_010, 100_000)})
    pass_time(wiring, "10d")
    assert [each.act.kind for each in judge_once(wiring)] == ["no_difference"]


def test_hopeless_and_endless_tests_end(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=20)
    seen(wiring, {"a": (500, 10_000), "b": (501, 10_000)})
    pass_time(wiring, "55d")
    assert [each.act.kind for each in judge_once(wiring)] == ["futile"]


def test_at_its_end_a_test_is_unproven(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=20)
    pass_time(wiring, "56d")
    assert [each.act.kind for each in judge_once(wiring)] == ["unproven"]


def test_a_promotion_that_was_wrong_is_taken_back(sqlite_store: Store) -> None:
    wiring, _ = proven(sqlite_store)
    judge_once(wiring)
    seen(wiring, {"b": (500, 19_000), "a": (80, 1_000)}, epoch=1)
    pass_time(wiring, "3d")
    assert [each.act.kind for each in judge_once(wiring)] == ["rolled_back"]
    row = experiment(wiring)
    assert (row.state, row.winner) == ("rolled_back", None)


def test_a_winner_that_does_harm_is_taken_back(sqlite_store: Store) -> None:
    wiring, _ = proven(sqlite_store, guardrails=[{"event": "unsubscribed"}])
    judge_once(wiring)
    seen(wiring, {"a": (10, 5_000), "b": (855, 95_000)}, epoch=1, what=2)
    pass_time(wiring, "3d")
    assert [(each.act.kind, each.act.facts["guardrail"]) for each in judge_once(wiring)] == [
        ("rolled_back", "unsubscribed")
    ]
    later = [f"later{number}" for number in range(30)]
    add_contacts(wiring, *later)
    sign_up(wiring, later)
    assert {given(wiring)[key] for key in later} == {"a"}


def test_traffic_follows_what_is_believed_once_a_day(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=20, promote={"mode": "earn"})
    seen(wiring, {"a": (500, 10_000), "b": (560, 10_000)})
    pass_time(wiring, "4d")
    assert [each.act.kind for each in judge_once(wiring)] == ["earned"]
    assert judge_once(wiring) == []
    with sqlite_store.read() as connection:
        shares = {row.variant: row.share for row in connection.execute(sa.select(SHARE).where(SHARE.c.epoch == 1))}
    assert shares["b"] > 0.8 > 0.15 < shares["a"]
    pass_time(wiring, "1d")
    assert [each.act.kind for each in judge_once(wiring)] == ["earned"]


def test_a_planned_test_ends_at_its_size(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=20, promote={"mode": "planned", "size": 20_000})
    seen(wiring, {"a": (500, 5_000), "b": (505, 5_000)})
    pass_time(wiring, "10d")
    assert [each.act.kind for each in judge_once(wiring)] == ["looked"]
    assert decided(wiring) == []
    seen(wiring, {"a": (500, 5_000), "b": (620, 5_000)})
    pass_time(wiring, "10d")
    assert [each.act.kind for each in judge_once(wiring)] == ["promoted"]


class Cut(Exception):
    """Injected; nothing expects it."""


def test_a_crash_at_any_step_leaves_one_promotion(store: Store) -> None:
    wiring, keys = proven(store, sample=0.5, sends=True)
    first = given(wiring)
    cuts = 0
    while _crashes(wiring, cuts, judge_once):
        cuts += 1
        assert experiment(wiring).state == "running"
        assert decided(wiring) == []
    assert cuts >= 6
    assert decided(wiring) == ["promoted"]
    cuts = 0
    while _crashes(wiring, cuts, tick_once):
        cuts += 1
        assert first.items() <= given(wiring).items()
    assert cuts >= 7
    settle(wiring)
    assert decided(wiring) == ["promoted"]
    shown = given(wiring)
    assert sorted(_written(wiring)) == sorted((key, shown[key], "sent", 1) for key in keys)
    assert first.items() <= shown.items()
    assert {shown[key] for key in set(keys) - set(first)} == {"b"}
    found = recounted(wiring)
    assert found["a", 0] + found["b", 0] == len(keys)


def _written(wiring: Wiring) -> list[tuple[str, str, str, int]]:
    """List who was written to: the variant's message, its state, and how often it was handed over."""
    here = sa.and_(CONTACT.c.part == MESSAGE.c.part, CONTACT.c.id == MESSAGE.c.contact_id)
    with wiring.store.read() as connection:
        rows = connection.execute(sa.select(CONTACT.c.key, MESSAGE).join(CONTACT, here)).all()
        subjects = {row.message_key: row.subject for row in connection.execute(sa.select(INBOX))}
        assert connection.scalar(sa.select(sa.func.count()).select_from(DELIVERY)) == len(subjects) == len(rows)
    key = ("part", "contact_id", "enrollment_id", "node", "passing")
    named = {"-".join(str(getattr(row, name)) for name in key): row for row in rows}
    return [(row.key, subjects[name], row.state, row.attempt) for name, row in named.items()]


def _crashes(wiring: Wiring, at: int, act: Callable[[Wiring], Any]) -> bool:
    """Act, and fail at one of the statements that write; tell whether there were so many."""
    mend = _cut_at(wiring.store, at)
    try:
        act(wiring)
    except Cut:
        return True
    finally:
        mend()
    return False


def _cut_at(store: Store, which: int) -> Callable[[], None]:
    """Fail at one of the statements that write; give what ends the failing."""
    left = which

    def cut(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        nonlocal left
        if statement.lstrip().upper().startswith(("UPDATE", "INSERT", "DELETE")):
            left -= 1
            if left < 0:
                raise Cut

    sa.event.listen(store.engine, "before_cursor_execute", cut)
    return lambda: sa.event.remove(store.engine, "before_cursor_execute", cut)


def test_two_who_judge_at_once_promote_once(store: Store) -> None:
    wiring, _ = proven(store)
    with ThreadPoolExecutor(4) as pool:
        done = [judged for found in pool.map(lambda _: judge_once(wiring), range(4)) for judged in found]
    assert len(done) == 1
    assert decided(wiring) == ["promoted"]


def test_counts_are_folded_and_say_the_same(store: Store) -> None:
    wiring, _ = world(store, people=20)
    start = wiring.clock.micros() - wiring.clock.micros() % DAY
    key = {"experiment_id": experiment(wiring).id, "epoch": 0}
    spots = product(range(store.parts), range(24 * 24), "ab", (0, 1))
    rows = [
        {**key, "part": part, "hour": start + (24 + hour) * HOUR, "variant": way, "what": what, "contacts": 2 - what}
        for part, hour, way, what in spots
    ]
    with store.write() as connection:
        connection.execute(TALLY.insert(), rows)
    pass_time(wiring, "25d")
    (before,) = reports(wiring, "test")
    found = tallies(wiring)
    judge_once(wiring)
    (after,) = reports(wiring, "test")
    assert tallies(wiring) == found
    assert {name: after[name] for name in ("variants", "evidence", "days")} == {
        name: before[name] for name in ("variants", "evidence", "days")
    }
    with store.read() as connection:
        assert 100 < (connection.scalar(sa.select(sa.func.count()).select_from(TALLY)) or 0) < 700


def test_a_new_version_keeps_evidence_and_promotion(sqlite_store: Store) -> None:
    wiring, _ = proven(sqlite_store)
    changed = split()
    changed["name"] = "Changed"
    go_live(wiring, changed)
    assert [each.act.kind for each in judge_once(wiring)] == ["promoted"]
    changed["name"] = "Changed again"
    go_live(wiring, changed)
    later = [f"later{number}" for number in range(60)]
    add_contacts(wiring, *later)
    sign_up(wiring, later)
    assert Counter(given(wiring)[key] for key in later)["b"] >= 50
