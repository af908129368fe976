"""What the random cases can find: each fault planted in the interpreter is seen by some seed of those that CI plays."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.terms import parse_duration
from tests.model import acts, enrollment, interpreter, rules
from tests.model.acts import ACTS
from tests.model.case import Case
from tests.model.enrollment import Enrollment, Token
from tests.model.facts import Event, Person
from tests.model.generate import ON_POSTGRESQL, ON_SQLITE, random_case
from tests.model.interpreter import Life
from tests.model.plan import Plan

Patch = Callable[[pytest.MonkeyPatch], None]
SECOND = timedelta(seconds=1)


@cache
def played() -> list[tuple[Case, str]]:
    return [(case, str(case.expected())) for case in map(random_case, range(ON_SQLITE + ON_POSTGRESQL))]


def replaced(target: Any, name: str, value: Any) -> Patch:
    return lambda patch: patch.setattr(target, name, value)


def in_acts(kind: str, act: Any) -> Patch:
    return lambda patch: patch.setitem(ACTS, kind, act)


def timer_beats_event(_: Enrollment, token: Token, config: Any, now: Any) -> str | None:
    if token.since is None:
        token.rest(now, now + parse_duration(config["timeout"]))
        return None
    return "timeout" if token.due is not None and token.due <= now else "happened"


def late_by_a_second(_: Enrollment, token: Token, config: Any, now: Any) -> str | None:
    if token.since is None:
        token.rest(now, now + parse_duration(config["duration"]) + SECOND)
        return None
    return "out"


def always_out(kind: str) -> Patch:
    real = ACTS[kind]

    def act(enrollment: Enrollment, token: Token, config: Any, now: Any) -> str | None:
        port = real(enrollment, token, config, now)
        return port and "out"

    return in_acts(kind, act)


def join_at_first(self: Enrollment, node: str, arrived: list[Token], now: Any) -> list[Token]:
    if not arrived:
        return []
    self.tokens = [token for token in self.tokens if token not in arrived[1:]]
    self.write(now, node=node, port="out")
    return self._leave(arrived[0], "out")


REAL_JOIN, REAL_ENDS, REAL_INSTANT = Enrollment._join, Enrollment.ends, Life._instant
REAL_SCRIPTS, REAL_LET_IN, REAL_PUBLISH, REAL_LEAVE = (
    interpreter.scripts_of,
    Life._let_in,
    Life._publish,
    Enrollment._leave,
)
REAL_ENTER, REAL_MATCHING, REAL_FREE = interpreter.may_enter, rules.matching, Enrollment.is_free


def join_only_on_arrival(self: Enrollment, node: str, arrived: list[Token], now: Any) -> list[Token]:
    return REAL_JOIN(self, node, arrived, now) if arrived else []


def join_keeps_all(self: Enrollment, node: str, arrived: list[Token], now: Any) -> list[Token]:
    before = [token for token in self.tokens if token.node == node and token not in arrived[:1]]
    gone = REAL_JOIN(self, node, arrived, now)
    if gone:
        self.tokens += [Token(token.node, due=token.due) for token in gone for _ in before]
    return gone


def goal_only_by_events(self: Enrollment, now: Any, event: Event | None = None) -> bool:
    return event is not None and REAL_ENDS(self, now, event)


def goal_never_by_events(self: Enrollment, now: Any, event: Event | None = None) -> bool:
    return event is None and REAL_ENDS(self, now)


def goal_by_any_event(self: Enrollment, now: Any, event: Event | None = None) -> bool:
    return REAL_ENDS(self, now)


def timers_before_events(self: Life, now: Any) -> None:
    arrived = [event for event in self.ahead if event.at == now]
    later = self.ahead[len(arrived) :]
    self.ahead = []
    REAL_INSTANT(self, now)
    self.ahead = arrived + later
    REAL_INSTANT(self, now)


def lets_in_late(self: Life, event: Event) -> None:
    for plan in self.world.plans:
        triggers = plan.triggers("trigger.event")
        fired = [name for name in triggers if interpreter.asks_for(plan.config(name), event)]
        self._let_in(plan, fired, event.at)
    for each in list(self.enrollments):
        each.hear(event, interpreter.asks_for)


def reversed_order(self: Plan) -> None:
    self.nodes = {node["id"]: node for node in reversed(self.flow["nodes"])}
    self.above, self.order = {}, []
    while len(self.order) < len(self.nodes):
        self._take(next(name for name in self.nodes if name not in self.above and self._is_free(name)))


def dynamic_order(self: Enrollment, now: Any, act: Any) -> None:
    """Choose the first of the document among the nodes that hold tokens, not the flow's own order."""
    plan = self.plan
    moving = {token.node for token in self.tokens if token.is_free(now)}
    order = plan.order
    alone = [name for name in plan.nodes if name in moving and not plan.above[name] & moving]
    plan.order = alone + [name for name in order if name not in alone]
    try:
        REAL_MOVE(self, now, act)
    finally:
        plan.order = order


REAL_MOVE = Enrollment.move


def closed_window(rule: Any, name: str, view: Any) -> list[Event]:
    if "within" not in rule:
        return REAL_MATCHING(rule, name, view)
    wider = replace(view, now=view.now - timedelta(microseconds=1))
    return REAL_MATCHING(rule, name, wider)


def known_for_ever(rule: Any, view: Any) -> bool:
    return not rules.matching(rule, rule["no_event"], view)


def any_first(rule: Any, view: Any) -> bool:
    names = [event for event in view.person.events if event.name == rule["event"]]
    then = [event for event in view.person.events if event.name == rule["followed_by"]["event"]]
    return any(a.at < b.at <= a.at + parse_duration(rule["within"]) for a in names for b in then)


def same_without_case(have: Any, want: Any) -> bool:
    return bool(have == want)


def in_rules(form: str, test: Any) -> Patch:
    return lambda patch: patch.setitem(rules.FORMS, form, test)


def receipt_to_the_first(self: Person, properties: Any) -> Any:
    return next((m for m in self.messages if m.node == properties.get("node") and m.sent), None)


def no_follow_up(self: Enrollment, now: Any) -> bool:
    """Look at waits for rules only at an event or a timer."""
    if any(at == now for at, _ in self.lines):
        return any(token.due is not None and token.due <= now for token in self.tokens)
    return REAL_FREE(self, now)


def reenters(allow: str) -> Any:
    def may_enter(plan: Plan, ours: list[Enrollment], now: Any) -> bool:
        return not ours if plan.reentry == allow else REAL_ENTER(plan, ours, now)

    return may_enter


def without_cooldown(plan: Plan, ours: list[Enrollment], now: Any) -> bool:
    return REAL_ENTER(plan, ours, now) or (plan.reentry == "after_exit" and not ours[-1].active)


def last_of_all(self: Person) -> datetime:
    return self.events[-1].at if self.events else self.created_at


def with_repeats(events: list[Any]) -> Any:
    return REAL_SCRIPTS([{**event, "messageId": str(place)} for place, event in enumerate(events)])


def first_trigger_only(self: Life, plan: Plan, fired: list[str], now: Any) -> None:
    REAL_LET_IN(self, plan, fired[:1], now)


def publish_with_history(self: Life) -> None:
    history = [event for event in self.ahead if event.at < self.world.start]
    REAL_PUBLISH(self)
    for event in history:
        self._take(replace(event, at=self.world.start))


def leave_and_listen(self: Enrollment, token: Token, port: str) -> list[Token]:
    """Let an event of the last hour count for a wait that begins now."""
    clones = REAL_LEAVE(self, token, port)
    for clone in clones:
        config = self.plan.config(clone.node)
        if self.plan.kind(clone.node) == "wait.event" and self.person.events and token.since is None:
            last = self.person.events[-1]
            clone.called = last.name == config["event"] and self.lines[-1][0] - last.at < timedelta(hours=1)
            clone.since = self.lines[-1][0] if clone.called else None
    return clones


def out_of_turn(self: Life, now: Any) -> None:
    self.enrollments.reverse()
    REAL_INSTANT(self, now)
    self.enrollments.sort(key=lambda each: each.began)


FAULTS: dict[str, Patch] = {
    "a timeout beats an event of its instant": in_acts("wait.event", timer_beats_event),
    "a delay is a second late": in_acts("wait.delay", late_by_a_second),
    "what is past goes out of out": always_out("wait.until"),
    "a join lets the first token go on": replaced(Enrollment, "_join", join_at_first),
    "a join looks only when a token arrives": replaced(Enrollment, "_join", join_only_on_arrival),
    "a join lets all tokens go on": replaced(Enrollment, "_join", join_keeps_all),
    "goals are not checked on entry and waking": replaced(Enrollment, "ends", goal_only_by_events),
    "goals are not checked at events": replaced(Enrollment, "ends", goal_never_by_events),
    "goals are checked at every event": replaced(Enrollment, "ends", goal_by_any_event),
    "an event lets in before it ends": replaced(Life, "_take", lets_in_late),
    "timers come before events": replaced(Life, "_instant", timers_before_events),
    "nodes act in the document's order from behind": replaced(Plan, "__post_init__", reversed_order),
    "nodes act in the order of those that move": replaced(Enrollment, "move", dynamic_order),
    "changes are not followed up": replaced(Enrollment, "is_free", no_follow_up),
    "younger enrollments move first": replaced(Life, "_instant", out_of_turn),
    "time alone changes nothing": replaced(interpreter, "flips", lambda rule, view: []),
    "always enters once": replaced(interpreter, "may_enter", reenters("always")),
    "after_exit enters once": replaced(interpreter, "may_enter", reenters("after_exit")),
    "there is no cooldown": replaced(interpreter, "may_enter", without_cooldown),
    "it is never quiet": replaced(acts, "quiet_until", lambda *_: None),
    "a window takes its first instant in": replaced(rules, "matching", closed_window),
    "a new contact is dormant": in_rules("no_event", known_for_ever),
    "any first event may be followed": in_rules("followed_by", any_first),
    "text compares with its case": replaced(rules, "same", same_without_case),
    "a receipt belongs to the first message": replaced(Person, "_message_of", receipt_to_the_first),
    "nobody unsubscribes": replaced(Person, "may_receive", lambda self, topic, channel: True),
    "nobody bounces": replaced(Person, "learn", lambda self, event: self.events.append(event)),
    "every receipt is a sign of life": replaced(Person, "last_active", last_of_all),
    "every contact is new": replaced(Person, "last_active", lambda self: self.created_at),
    "shares have another salt": replaced(acts, "share_of", lambda number, salt: number % 10_000),
    "all zones are UTC": replaced(acts, "effective_zone", lambda *_: ZoneInfo("UTC")),
    "a repeated message counts again": replaced(interpreter, "scripts_of", with_repeats),
    "goals look into no segment": replaced(enrollment, "named", lambda rule, segments: rules.named(rule, {})),
    "variables are never missing": replaced(acts, "missing", lambda *_: None),
    "the first trigger is enough": replaced(Life, "_let_in", first_trigger_only),
    "history lets in": replaced(Life, "_publish", publish_with_history),
    "a wait counts what came before it": replaced(Enrollment, "_leave", leave_and_listen),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = played()
    FAULTS[fault](monkeypatch)

    seen = next((case.name for case, journal in right if str(case.expected()) != journal), None)

    assert seen is not None, fault
