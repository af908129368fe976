"""Random cases: by a seed for long runs, or by Hypothesis, which shrinks them."""

from datetime import timedelta
from random import Random

from hypothesis import strategies as st

from engine.terms import format_instant
from tests.model.case import Case
from tests.model.dice import EVENTS, STAGES, STARTS, TAGS, ZONES, Dice
from tests.model.directed import follow_on, follow_up, let_in
from tests.model.facts import Json, instant_of
from tests.model.random_flows import Author
from tests.model.random_rules import some_rule

ON_SQLITE, ON_POSTGRESQL = 300, 60
"""How many random cases every test run plays on each database."""

RECEIPTS = ("message_opened", "message_clicked", "message_bounced", "message_delivered", "Email Opened")


def random_case(seed: int) -> Case:
    """Make the case of a seed, always the same; every third one is without parallel paths."""
    case = make_case(Random(seed), straight=seed % 3 == 1)
    case.name = f"seed {seed}"
    return case


def cases() -> st.SearchStrategy[Case]:
    """Give cases to Hypothesis."""
    return st.randoms(use_true_random=False).map(make_case)


def make_case(random: Random, *, straight: bool = False) -> Case:
    """Make a case from a source of random choices."""
    dice = Dice(random)
    start, days = dice.one(STARTS), dice.number(5, 16)
    segments = {"core": some_rule(dice, [], [])} if dice.chance(40) else {}
    others = ["second"] if dice.chance(25) else []
    flows = [Author(dice, "main", start, list(segments), others, straight=straight).write()]
    flows += [Author(dice, key, start, list(segments), []).write("trigger.manual") for key in others]
    contacts = [some_contact(dice, f"c{n}", start) for n in range(dice.number(2, 6))]
    sends = [node["id"] for flow in flows for node in flow["nodes"] if node["type"].startswith("send.")]
    events = [some_event(dice, n, start, days, len(contacts), sends) for n in range(dice.number(0, 7 * len(contacts)))]
    collide(dice, events)
    case = Case(flows, contacts, events, start, days, segments)
    let_in(dice, case)
    follow_on(dice, case)
    for _ in range(dice.number(0, 2)):
        follow_up(dice, case)
    case.events += [dict(event) for event in case.events if dice.chance(4)]  # a client tried again
    return case


def some_contact(dice: Dice, key: str, start: str) -> Json:
    contact: Json = {"id": key, "email": f"{key}@example.com" if dice.chance(85) else None}
    contact["phone"] = f"+86138{dice.number(10_000_000, 99_999_999)}" if dice.chance(60) else None
    contact["timezone"] = dice.one(ZONES)
    contact["locale"] = dice.one(("en", "zh-CN", None))
    contact["tags"] = dice.some(TAGS, least=0) if dice.chance(50) else []
    contact["stage"] = dice.one(STAGES) if dice.chance(50) else None
    contact["account"] = dice.one(("acme", "li", None))
    day = instant_of(start) + timedelta(hours=6 * dice.number(-12, 48))
    may_have: Json = {
        "name": dice.one(("Li Wei", "Ann", "李雷", "")),
        "plan": dice.one(("pro", "FREE", "Free", 5)),
        "seats": dice.one((0, 2, 5, 5.5, -1, "5")),
        "active": dice.one((True, False, "true")),
        "langs": dice.one((["en", "ZH"], [5], [], "en")),
        "renewal": dice.one((day.date().isoformat(), format_instant(day), "soon")),
        "value": dice.number(0, 6),
        "wecom_id": "w1",
    }
    contact["attributes"] = {name: value for name, value in may_have.items() if dice.chance(65)}
    return contact


def some_event(dice: Dice, number: int, start: str, days: int, contacts: int, sends: list[str]) -> Json:
    """Make one event: mostly in the time that is played, some before it, some at its very start."""
    at = dice.instant(instant_of(start), days)
    if dice.chance(15):
        at = dice.instant(instant_of(start) - timedelta(days=40), 39)
    elif dice.chance(8):
        at = instant_of(start)
    event: Json = {
        "type": "track",
        "userId": f"c{dice.number(0, contacts - 1)}",
        "event": dice.one(EVENTS),
        "timestamp": format_instant(at),
        "messageId": f"m{number}",
    }
    if at > instant_of(start) and dice.chance(3):
        event["userId"] = "stranger"
    kind = dice.number(0, 99)
    if kind < 22 and sends:
        return {**event, "event": dice.one(RECEIPTS), "properties": {"node": dice.one(sends)}}
    if kind < 28:
        return {
            **event,
            "event": dice.one(("unsubscribed", "unsubscribed", "subscribed")),
            "properties": some_word(dice),
        }
    if kind < 60:
        properties = {"n": dice.one((0, 1, 2, 3, "2")), "page": dice.one(("home", "pricing", None, 4))}
        event["properties"] = {name: value for name, value in properties.items() if dice.chance(70)}
    return event


def some_word(dice: Dice) -> Json:
    topic = {"topic": dice.one(("marketing", "news"))} if dice.chance(60) else {}
    channel = {"channel": dice.one(("email", "sms"))} if dice.chance(30) else {}
    return {**topic, **channel}


def collide(dice: Dice, events: list[Json]) -> None:
    """Move some events to the very instant of another."""
    for event in events:
        if event["userId"] != "stranger" and dice.chance(15):
            other = dice.one(events)
            event["timestamp"] = other["timestamp"]
