"""Two readings of the rules page, made apart, agree: this package's and ``engine.rules``."""

from datetime import datetime, timedelta
from random import Random

from engine import rules as engine_rules
from engine.rules.names import RECEIPTS as THEIR_RECEIPTS
from engine.terms import to_micros
from tests.model.case import Case
from tests.model.dice import Dice
from tests.model.facts import RECEIPTS, SUBSCRIBED, UNSUBSCRIBED, Json, Person, instant_of
from tests.model.generate import random_case
from tests.model.interpreter import scripts_of
from tests.model.random_rules import some_rule
from tests.model.rules import View, flips, holds, named

CASES = 30
RULES = 12


def facts_of(person: Person, segments: dict[str, Json]) -> engine_rules.Facts:
    """Tell the other reading what this one knows."""
    events = [
        engine_rules.EventFact(to_micros(event.at), seq, event.name, event.properties)
        for seq, event in enumerate(person.events)
    ]
    return engine_rules.Facts(
        key=person.key,
        created_at=to_micros(person.created_at),
        email=person.email,
        phone=person.phone,
        timezone=person.timezone,
        locale=person.locale,
        stage=person.stage,
        attributes=person.attributes,
        account=engine_rules.AccountFact(person.account) if person.account else None,
        tags=frozenset(person.tags),
        events=events,
        segments={key: engine_rules.parse_rule(rule) for key, rule in segments.items()},
        consents=consents_of(person),
    )


def consents_of(person: Person) -> list[engine_rules.ConsentFact]:
    words = {}
    for event in person.events:
        if event.name in (*UNSUBSCRIBED, *SUBSCRIBED) and "channel" not in event.properties:
            topic = event.properties.get("topic", "*")
            words[topic] = engine_rules.ConsentFact(topic, "*", event.name in SUBSCRIBED, to_micros(event.at))
    return list(words.values())


def moments(case: Case, person: Person) -> list[datetime]:
    """List instants of interest: events, whole days, and those at which something may change."""
    start = instant_of(case.start)
    return sorted({start + timedelta(days=n) for n in range(case.days)} | {event.at for event in person.events})


def test_rules_hold_and_flip_alike() -> None:
    compared = 0
    for seed in range(CASES):
        case, dice = random_case(seed), Dice(Random(seed))
        scripts = scripts_of(case.events)
        for raw in case.contacts:
            person = Person.of(raw, instant_of(case.start), {})
            script = scripts.get(person.key, [])
            for rule in [some_rule(dice, [], list(case.segments)) for _ in range(RULES)]:
                person.events = list(script)
                for now in moments(case, person):
                    person.events = [event for event in script if event.at <= now]
                    compare(rule, person, now, case.segments)
                    compared += 1
    assert compared > 10_000


def compare(rule: Json, person: Person, now: datetime, segments: dict[str, Json]) -> None:
    theirs, facts, view = engine_rules.parse_rule(rule), facts_of(person, segments), View(person, now, segments)
    said = engine_rules.holds(theirs, facts, to_micros(now))
    assert holds(rule, view) == said, (rule, person, now)

    for flip in flips(rule, view):
        later = View(person, flip, segments)
        assert holds(rule, later) == engine_rules.holds(theirs, facts, to_micros(flip)), (rule, person, flip)

    ours = {to_micros(flip) for flip in flips(rule, view)}
    unseen = [other for other in engine_rules.flip_instants(theirs, facts, to_micros(now)) if other not in ours]
    for other in unseen:
        before = engine_rules.holds(theirs, facts, other - 1)
        assert before == engine_rules.holds(theirs, facts, other), (rule, person, other)


def test_rules_name_the_same_events() -> None:
    dice = Dice(Random(1))
    for _ in range(500):
        segments = {"core": some_rule(dice, [], [])}
        rule = some_rule(dice, ["n1", "n2"], ["core"])
        parsed = {key: engine_rules.parse_rule(raw) for key, raw in segments.items()}
        assert named(rule, segments) == engine_rules.event_names(engine_rules.parse_rule(rule), parsed), rule


def test_receipts_are_the_same() -> None:
    assert dict(THEIR_RECEIPTS) == RECEIPTS
