"""Random rules over the words of the random world."""

from tests.model.dice import DURATIONS, EVENTS, STAGES, TAGS, Dice
from tests.model.facts import Json

DID = ("sent", "delivered", "opened", "clicked", "bounced", "replied")
COMPARISONS = ("is", "is_not", "gt", "gte", "lt", "lte")


def some_rule(dice: Dice, sends: list[str], segments: list[str], depth: int = 0) -> Json:
    """Make a rule; ``sends`` are the nodes whose messages it may ask about."""
    shapes = {"all": 8, "any": 8, "not": 10} if depth < 3 else {}
    leaves = {"attr": 25, "tag": 10, "stage": 4, "event": 25, "no_event": 8, "followed": 10, "consent": 4}
    maybe = {"message": 12 if sends else 0, "segment": 5 if segments else 0}
    match dice.weighted({**shapes, **leaves, **maybe}):
        case ("all" | "any") as shape:
            return {shape: [some_rule(dice, sends, segments, depth + 1) for _ in range(dice.number(0, 3))]}
        case "not":
            return {"not": some_rule(dice, sends, segments, depth + 1)}
        case "message":
            return {"message": dice.one(sends), "did": dice.one(DID)}
        case "segment":
            return {"segment": dice.one(segments)}
        case leaf:
            return some_leaf(dice, leaf)


def some_leaf(dice: Dice, leaf: str) -> Json:
    match leaf:
        case "attr":
            return {"attr": (name := dice.one(tuple(TESTS))), **some_test(dice, name)}
        case "tag":
            return {"tag": dice.one(TAGS)}
        case "stage":
            return {"stage": dice.one(STAGES)}
        case "consent":
            return {"consent": dice.one(("marketing", "news"))}
        case "event":
            return some_count(dice)
        case "no_event":
            return {"no_event": dice.one(EVENTS), **some_where(dice), "within": dice.one(DURATIONS)}
        case _:
            return some_sequence(dice)


def some_count(dice: Dice) -> Json:
    rule = {"event": dice.one(EVENTS), **some_where(dice)}
    if dice.chance(35):
        op = dice.one((*COMPARISONS, "between"))
        low = dice.number(0, 3)
        rule["count"] = {"op": op, "value": [low, low + dice.number(0, 2)] if op == "between" else low}
    if dice.chance(50):
        rule["within"] = dice.one(DURATIONS)
    return rule


def some_sequence(dice: Dice) -> Json:
    then = {"event": dice.one(EVENTS), **some_where(dice)}
    form = dice.one(("followed_by", "not_followed_by"))
    return {"event": dice.one(EVENTS), **some_where(dice), form: then, "within": dice.one(DURATIONS)}


def some_where(dice: Dice) -> Json:
    """Ask for a property of an event, seldom."""
    if not dice.chance(25):
        return {}
    match dice.one(("n", "page", "there")):
        case "n":
            return {"where": {"n": {"op": dice.one(COMPARISONS), "value": dice.number(0, 3)}}}
        case "page":
            return {"where": {"page": {"op": dice.one(("is", "is_not", "contains")), "value": dice.one(("Home", "p"))}}}
        case _:
            return {"where": {dice.one(("n", "page")): {"op": dice.one(("exists", "missing"))}}}


TEXT_OPS = ("is", "is_not", "contains", "not_contains", "starts_with", "ends_with", "exists", "missing", "gt")
DATE_OPS = ("before", "after", "within_last", "within_next", "exists")
LIST_OPS = ("has_any", "has_all", "has_none", "contains", "is")


def some_test(dice: Dice, name: str) -> Json:
    """Make an operator with its value, mostly of the type that the attribute has."""
    test = _some_test(dice, name)
    if test["op"] in ("exists", "missing"):
        del test["value"]
    return test


def _some_test(dice: Dice, name: str) -> Json:
    kind = dice.one(tuple(dict.fromkeys(TESTS.values()))) if dice.chance(10) else TESTS[name]
    match kind:
        case "text":
            if dice.chance(20):
                return {"op": dice.one(("in", "not_in")), "value": dice.some(("pro", "free", "li", 5))}
            return {"op": dice.one(TEXT_OPS), "value": dice.one(("PRO", "fr", "e", "Li"))}
        case "number":
            if dice.chance(20):
                return {"op": "between", "value": [dice.number(0, 3), dice.number(3, 9)]}
            return {"op": dice.one(COMPARISONS), "value": dice.one((0, 2, 5, 5.5))}
        case "flag":
            return {"op": dice.one(("is", "is_not", "exists")), "value": dice.chance(50)}
        case "list":
            op = dice.one(LIST_OPS)
            return {"op": op, "value": dice.some(("EN", "zh", 5)) if op.startswith("has_") else "en"}
        case _:
            value = dice.one((*DURATIONS, "2026-02-14T00:00:00Z", "2026-10-24T12:00:00Z", "2026-01-09T00:00:00+08:00"))
            return {"op": dice.one(DATE_OPS), "value": value}


TESTS = {
    "plan": "text",
    "name": "text",
    "seats": "number",
    "value": "number",
    "score": "number",
    "active": "flag",
    "langs": "list",
    "renewal": "date",
    "email": "text",
    "created_at": "date",
    "account.id": "text",
}
"""Attributes that rules ask for, and the type that most contacts have there."""
