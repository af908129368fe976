"""Events that matter: aimed at what a first playing of a case shows, so that few of them go by unheard."""

from datetime import datetime, timedelta

from engine.terms import format_instant
from tests.model.case import Case
from tests.model.dice import Dice
from tests.model.facts import Json, instant_of

RECEIPTS = ("message_opened", "message_clicked", "message_bounced", "message_replied", "Email Opened")
NEAR = (timedelta(0), timedelta(0), timedelta(hours=1), timedelta(hours=6), timedelta(minutes=7))


def let_in(dice: Dice, case: Case) -> None:
    """Add events that the flows' triggers ask for."""
    start = instant_of(case.start)
    for trigger in [node for flow in case.flows for node in flow["nodes"] if node["type"] == "trigger.event"]:
        for contact in case.contacts:
            for _ in range(dice.number(0, 2)):
                properties = fitting(trigger["config"].get("where", {}))
                add(case, contact["id"], trigger["config"]["event"], dice.instant(start, case.days // 2), properties)


def follow_up(dice: Dice, case: Case) -> None:
    """Play the case; add receipts of its messages, events that its waits missed, and some at busy instants."""
    nodes = {node["id"]: node for node in case.main["nodes"]}
    for line in [line for line in case.expected() if "flow" not in line]:
        at, contact = instant_of(line["at"]), line["contact"]
        if line.get("message") == "sent" and dice.chance(50):
            add(case, contact, dice.one(RECEIPTS), at + dice.one(NEAR), {"node": line["node"]})
        elif line.get("port") == "timeout" and nodes[line["node"]]["type"] == "wait.event" and dice.chance(60):
            config = nodes[line["node"]]["config"]
            add(case, contact, config["event"], at - dice.one(NEAR), fitting(config.get("where", {})))
        elif dice.chance(6):
            named = [n["config"]["event"] for n in nodes.values() if n["type"] in ("trigger.event", "wait.event")]
            goal = case.main["settings"].get("goal", {})
            names = [*named, *([goal["event"]] if "event" in goal else ["visited"])]
            add(case, contact, dice.one(names), at, {"n": dice.number(0, 3), "page": "home"})


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
