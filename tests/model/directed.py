"""Events that matter: aimed at what a first playing of a case shows, so that few of them go by unheard."""

from datetime import datetime, timedelta

from engine.terms import format_instant, parse_duration
from tests.model.case import Case
from tests.model.dice import Dice
from tests.model.facts import Json, instant_of
from tests.model.shrink import walk

RECEIPTS = ("message_opened", "message_opened", "message_clicked", "message_bounced", "message_replied", "Email Opened")
DID = ("opened", "clicked", "replied", "delivered")
NEAR = (timedelta(0), timedelta(0), timedelta(hours=1), timedelta(hours=6), timedelta(minutes=7))


def let_in(dice: Dice, case: Case) -> None:
    """Add events that the flows' triggers ask for."""
    start = instant_of(case.start)
    for trigger in [node for flow in case.flows for node in flow["nodes"] if node["type"] == "trigger.event"]:
        for contact in case.contacts:
            for _ in range(dice.number(0, 3)):
                properties = fitting(trigger["config"].get("where", {}))
                add(case, contact["id"], trigger["config"]["event"], dice.instant(start, case.days // 2), properties)


def follow_on(dice: Dice, case: Case) -> None:
    """Add the sequences of events that rules ask for, now and then with the first once more."""
    for rule in parts_with(case, "followed_by", "not_followed_by"):
        then = rule["followed_by"] if "followed_by" in rule else rule["not_followed_by"]
        within = parse_duration(rule["within"])
        for contact in [contact for contact in case.contacts if dice.chance(50)]:
            at = dice.instant(instant_of(case.start), case.days // 2)
            add(case, contact["id"], rule["event"], at, fitting(rule.get("where", {})))
            after = at + dice.one((timedelta(0), within / 2, within, within + timedelta(seconds=1)))
            add(case, contact["id"], then["event"], after, fitting(then.get("where", {})))
            if dice.chance(40):
                add(case, contact["id"], rule["event"], after + dice.one(NEAR), fitting(rule.get("where", {})))


def follow_up(dice: Dice, case: Case) -> None:
    """Play the case; add receipts of its messages, events that its waits missed, and some at busy instants."""
    nodes = {node["id"]: node for node in case.main["nodes"]}
    asked = [(rule["message"], rule["did"]) for rule in parts_with(case, "did") if rule["did"] in DID]
    for line in [line for line in case.expected() if "flow" not in line]:
        at, contact = instant_of(line["at"]), line["contact"]
        if line.get("message") == "sent" and dice.chance(60):
            wanted = [f"message_{did}" for node, did in asked if node == line["node"]]
            name = dice.one(wanted) if wanted and dice.chance(80) else dice.one(RECEIPTS)
            add(case, contact, name, at + dice.one(NEAR), {"node": line["node"]})
        elif line.get("port") == "timeout" and nodes[line["node"]]["type"] == "wait.event" and dice.chance(60):
            config = nodes[line["node"]]["config"]
            add(case, contact, config["event"], at - dice.one(NEAR), fitting(config.get("where", {})))
        elif dice.chance(8):
            add(case, contact, busy_name(dice, case), at, {"n": dice.number(0, 3), "page": "home"})


def busy_name(dice: Dice, case: Case) -> str:
    """Choose an event that something in the main flow listens to."""
    nodes = case.main["nodes"]
    named = [n["config"]["event"] for n in nodes if n["type"] in ("trigger.event", "wait.event")]
    goal = case.main["settings"].get("goal", {})
    return str(dice.one([*named, *([goal["event"]] if "event" in goal else ["visited"])]))


def parts_with(case: Case, *keys: str) -> list[Json]:
    """List the parts of the flows' documents that have one of these keys."""
    return [part for flow in case.flows for part in walk(flow) if any(key in part for key in keys)]


def fitting(where: Json) -> Json:
    """Make properties that are likely to fit."""
    return {name: test.get("value", 1) for name, test in where.items()}


def add(case: Case, contact: str, name: str, at: datetime, properties: Json) -> None:
    case.events.append(
        {
            "type": "track",
            "userId": contact,
            "event": name,
            "timestamp": format_instant(at),
            "properties": properties,
            "messageId": f"d{len(case.events)}",
        }
    )
