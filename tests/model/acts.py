"""What each node type does with one token: the port it leaves by, or nothing when it rests."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from engine.civil import (
    WEEKDAYS,
    WaitUntil,
    effective_zone,
    parse_local_time,
    parse_moment,
    quiet_until,
    resolve_wait,
)
from engine.terms import parse_duration, share_bounds, share_of
from tests.model.enrollment import Enrollment, Token
from tests.model.facts import Json, Message, Person
from tests.model.rules import holds

VARIABLE = re.compile(r"\{\{\s*contact\.([A-Za-z0-9_.]+)\s*\}\}")

NOTHING = object()
"""What a template comes to that lacks a variable."""

NodeAct: TypeAlias = Callable[[Enrollment, Token, Json, datetime], str | None]


def act(enrollment: Enrollment, token: Token, now: datetime) -> str | None:
    """Let the token's node act on it, and write its step and message."""
    node, plan = token.node, enrollment.plan
    kind = plan.kind(node)
    before = len(enrollment.messages)
    port = "out" if kind.startswith("trigger.") else ACTS[kind](enrollment, token, plan.config(node), now)
    if port is None:
        return None
    enrollment.write(now, node=node, port=port)
    for message in enrollment.messages[before:]:
        outcome = {"message": "sent"} if message.sent else {"message": "suppressed", "reason": message.reason}
        enrollment.write(now, node=node, **outcome)
    if kind == "flow.exit":
        enrollment.end(now, "exit")
    return port


def zone_of(enrollment: Enrollment) -> ZoneInfo:
    """Choose the zone: the contact's, else the flow's, else the workspace's."""
    return effective_zone(enrollment.person.timezone, enrollment.plan.setting("timezone"), enrollment.timezone)


def wait_delay(_: Enrollment, token: Token, config: Json, now: datetime) -> str | None:
    if token.since is None:
        token.rest(now, now + parse_duration(config["duration"]))
        return None
    return "out"


def wait_until(enrollment: Enrollment, token: Token, config: Json, now: datetime) -> str | None:
    if token.since is not None:
        return "out"
    spec = until_of(config, enrollment.person)
    instant = resolve_wait(spec, now=now, entered=enrollment.began, tz=zone_of(enrollment))
    if instant is not None and instant > now:
        token.rest(now, instant)
        return None
    past = instant is None or instant < now
    return "past" if past and enrollment.plan.targets(token.node, "past") else "out"


def until_of(config: Json, person: Person) -> WaitUntil:
    """Read what a wait asks for, with the attribute that its date may be in."""
    date = config.get("date")
    value = person.value(date["attribute"]) if isinstance(date, dict) else date
    return WaitUntil(
        day=config.get("day"),
        weekday=frozenset(map(WEEKDAYS.index, config["weekday"])) if "weekday" in config else None,
        at=parse_local_time(config["at"]) if "at" in config else None,
        date=parse_moment(value),
        date_missing=date is not None and parse_moment(value) is None,
        offset=parse_duration(config["offset"], signed=True) if "offset" in config else None,
        business_days=config.get("business_days"),
        calendar=config.get("calendar"),
    )


def wait_event(_: Enrollment, token: Token, config: Json, now: datetime) -> str | None:
    if token.since is None:
        token.rest(now, now + parse_duration(config["timeout"]))
        return None
    return "happened" if token.called else "timeout"


def wait_rule(enrollment: Enrollment, token: Token, config: Json, now: datetime) -> str | None:
    if token.called or holds(config["when"], enrollment.view(now)):
        return "matched"
    if token.since is None:
        token.rest(now, now + parse_duration(config["timeout"]))
        return None
    return "timeout"


def branch_rule(enrollment: Enrollment, _: Token, config: Json, now: datetime) -> str:
    view = enrollment.view(now)
    return next((case["port"] for case in config["cases"] if holds(case["when"], view)), "else")


def branch_recency(enrollment: Enrollment, _: Token, config: Json, now: datetime) -> str:
    silent = (now - enrollment.person.last_active()) // timedelta(days=1)
    reached = [days for days in config["days"] if silent >= days]
    return f"{max(reached)}d" if reached else "active"


def split_random(enrollment: Enrollment, token: Token, config: Json, _: datetime) -> str:
    return share_port(enrollment, token, config["weights"])


def split_ab(enrollment: Enrollment, token: Token, config: Json, _: datetime) -> str:
    """Split by weight: no promotion here, and everybody at once. The holdout is drawn apart, so that it is measured."""
    if config.get("sample", 1) < 1:
        # The model plays contacts one by one; tests/experiments plays those that are held.
        raise ValueError("a split with a sample holds contacts by what others did: no case of the model has one")
    holdout = config.get("holdout", 0)
    drawn = share_port(enrollment, token, {"holdout": holdout, "variant": 1 - holdout}, "/holdout")
    weights = {variant["key"]: variant.get("weight", 1) for variant in config["variants"]}
    return drawn if drawn == "holdout" else share_port(enrollment, token, weights)


def share_port(enrollment: Enrollment, token: Token, weights: dict[str, float], salt: str = "") -> str:
    share = share_of(enrollment.person.hash, f"{enrollment.plan.key}/{token.node}{salt}")
    return next(port for port, bound in share_bounds(weights) if share < bound)


def send(channel: str, *fields: str) -> NodeAct:
    """Make the act of a channel whose templates stand in these fields."""

    def act_send(enrollment: Enrollment, token: Token, config: Json, now: datetime) -> str | None:
        quiet = enrollment.plan.setting("quiet_hours") if channel != "webhook" else None
        if quiet:
            times = parse_local_time(quiet["from"]), parse_local_time(quiet["to"])
            until = quiet_until(now, *times, zone_of(enrollment))
            if until is not None:
                token.rest(now, until)
                return None
        reason = refusal(enrollment.person, channel, config) or missing(enrollment.person, config, fields)
        message = Message(enrollment.plan.key, token.node, channel, reason)
        enrollment.messages.append(message)
        enrollment.person.messages.append(message)
        return "out"

    return act_send


def refusal(person: Person, channel: str, config: Json) -> str | None:
    """Say why a contact may not be written to, if so."""
    if channel == "webhook":
        return None
    if not person.may_receive(config.get("topic", "marketing"), channel):
        return "unsubscribed"
    return person.refused.get(channel) if person.address(channel) else "no_address"


def missing(person: Person, config: Json, fields: tuple[str, ...]) -> str | None:
    """Say that a template asks for something the contact does not have, if so."""
    text = " ".join(str(config.get(name, "")) for name in fields)
    return "missing_variable" if any(is_empty(person.value(name)) for name in VARIABLE.findall(text)) else None


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def contact_set(enrollment: Enrollment, _: Token, config: Json, __: datetime) -> str:
    """Write values; all templates see the contact as it was, and one that lacks a variable writes nothing."""
    person = enrollment.person
    new = {name: worked_out(person, value) for name, value in config["attributes"].items()}
    for name, value in new.items():
        if value is not NOTHING:
            person.set(name, value)
    return "out"


def worked_out(person: Person, value: Any) -> Any:
    """Work a value out; a text that is but one variable gives the variable's own value."""
    names = VARIABLE.findall(value) if isinstance(value, str) else []
    if any(is_empty(person.value(name)) for name in names):
        return NOTHING
    if names and VARIABLE.fullmatch(value.strip()):
        return person.value(names[0])
    return VARIABLE.sub(lambda found: str(person.value(found[1])), value) if names else value


def contact_tag(enrollment: Enrollment, _: Token, config: Json, __: datetime) -> str:
    enrollment.person.tags.update(config.get("add", []))
    enrollment.person.tags.difference_update(config.get("remove", []))
    return "out"


def contact_score(enrollment: Enrollment, _: Token, config: Json, __: datetime) -> str:
    attributes, name = enrollment.person.attributes, config.get("score", "value")
    before = attributes.get(name)
    is_number = isinstance(before, int | float) and not isinstance(before, bool)
    attributes[name] = (before if is_number else 0) + config["add"]
    return "out"


def contact_stage(enrollment: Enrollment, _: Token, config: Json, __: datetime) -> str:
    enrollment.person.stage = config["to"]
    return "out"


def flow_enter(enrollment: Enrollment, _: Token, config: Json, now: datetime) -> str:
    enrollment.enter(config["flow"], now)
    return "out"


def pass_on(_: Enrollment, __: Token, ___: Json, ____: datetime) -> str:
    return "out"


ACTS: dict[str, NodeAct] = {
    "wait.delay": wait_delay,
    "wait.until": wait_until,
    "wait.event": wait_event,
    "wait.rule": wait_rule,
    "branch.rule": branch_rule,
    "branch.recency": branch_recency,
    "split.random": split_random,
    "split.ab": split_ab,
    "send.email": send("email", "subject", "html", "text"),
    "send.sms": send("sms", "text"),
    "send.wecom": send("wecom", "text"),
    "send.webhook": send("webhook", "url", "headers", "body"),
    "contact.set": contact_set,
    "contact.tag": contact_tag,
    "contact.score": contact_score,
    "contact.stage": contact_stage,
    "sales.assign": pass_on,
    "sales.task": pass_on,
    "flow.enter": flow_enter,
    "flow.exit": pass_on,
    "flow.goal": pass_on,
}
