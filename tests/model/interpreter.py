"""The reference interpreter: one contact at a time, one instant at a time, no database, no batches.

``interpret`` gives the journal of a simulation, line by line as ``dripline simulate --journal`` writes it. It is
written from the format's page as plainly as possible, so that the engine can be held against it.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.civil import date_trigger_instant, effective_zone, next_cron, next_daily, parse_local_time, parse_moment
from engine.terms import format_instant, parse_duration
from tests.model.acts import act
from tests.model.enrollment import Enrollment, Token
from tests.model.facts import Event, Json, Person, instant_of
from tests.model.plan import Plan
from tests.model.rules import View, fits_where, flips, holds

TICK = timedelta(microseconds=1)


@dataclass
class World:
    """What all contacts have in common; the first flow is the one whose manual trigger lets all in."""

    plans: list[Plan]
    start: datetime
    until: datetime
    segments: dict[str, Json]
    timezone: str


def interpret(
    flows: list[Json],
    contacts: list[Json],
    events: list[Json],
    start: datetime,
    days: float,
    *,
    segments: dict[str, Json] | None = None,
    accounts: dict[str, Json] | None = None,
    timezone: str = "UTC",
) -> list[Json]:
    """Play a simulation and give its journal; lines of flows other than the first carry their ``flow``."""
    world = World([Plan(flow) for flow in flows], start, start + timedelta(days=days), segments or {}, timezone)
    scripts = scripts_of(events)
    people = [Person.of(raw, start, accounts or {}) for raw in contacts]
    known = {person.key for person in people}
    people += [Person(key, script[0].at) for key, script in scripts.items() if key not in known]
    lines = []
    for place, person in enumerate(people):
        is_present = person.key in known or person.created_at < start
        lines += Life(world, person, is_present, scripts.get(person.key, [])).live(place)
    return [line for _, line in sorted(lines, key=lambda entry: entry[0])]


def scripts_of(events: list[Json]) -> dict[str, list[Event]]:
    """Part the events by contact, in the order of time and then of arrival; a repeated message counts once."""
    seen: set[str] = set()
    scripts: dict[str, list[Event]] = {}
    for raw in sorted(events, key=lambda raw: instant_of(raw["timestamp"])):
        if raw.get("messageId") not in seen:
            event = Event(raw["event"], instant_of(raw["timestamp"]), raw.get("properties", {}))
            scripts.setdefault(str(raw["userId"]), []).append(event)
        seen |= {raw["messageId"]} if "messageId" in raw else set()
    return scripts


@dataclass
class Life:
    """One contact in all flows."""

    world: World
    person: Person
    is_present: bool
    ahead: list[Event]
    enrollments: list[Enrollment] = field(default_factory=list)
    member: dict[tuple[str, str], bool] = field(default_factory=dict)
    dates: dict[tuple[str, str], dict[str, datetime | None]] = field(default_factory=dict)
    times: dict[tuple[str, str], list[datetime]] = field(default_factory=dict)

    def live(self, place: int) -> list[tuple[tuple[str, int, int, int, int], Json]]:
        """Play the contact's whole time; give its lines, each with its place in the journal."""
        self._publish()
        now: datetime | None = max(self.world.start, self.person.created_at)
        while now is not None and now <= self.world.until:
            self._instant(now)
            now = self._next_instant(now)
        flows = [plan.key for plan in self.world.plans]
        return [
            ((format_instant(at), place, flows.index(e.plan.key), e.number, seq), self._line(e, at, line))
            for e in self.enrollments
            for seq, (at, line) in enumerate(e.lines)
        ]

    def _line(self, enrollment: Enrollment, at: datetime, line: Json) -> Json:
        other = {} if enrollment.plan is self.world.plans[0] else {"flow": enrollment.plan.key}
        return {"at": format_instant(at), **line, **other}

    def _publish(self) -> None:
        """Take in the history; at the start let in by hand, and those who match already if that is wanted."""
        start = self.world.start
        while self.ahead and self.ahead[0].at < start:
            self.person.learn(self.ahead.pop(0))
        for plan in self.world.plans:
            for name in plan.triggers("trigger.schedule"):
                self.times[plan.key, name] = self._schedule(plan, name)
            if not self.is_present:
                continue
            fired = plan.triggers("trigger.manual") if plan is self.world.plans[0] else []
            for name in plan.triggers("trigger.segment"):
                self.member[plan.key, name] = matches = holds(rule_of(plan.config(name)), self._view(start))
                fired += [name] if matches and plan.config(name).get("existing", False) else []
            self._let_in(plan, [name for name in plan.nodes if name in fired], start)

    def _instant(self, now: datetime) -> None:
        """Let everything happen that happens at an instant: events, then what is due, then what follows from it."""
        arrived = [event for event in self.ahead if event.at == now]
        self.ahead = self.ahead[len(arrived) :]
        for event in arrived:
            self.person.learn(event)
        for event in arrived:
            self._take(event)
        if arrived:  # who begins to match by an event comes in before those whose time has come
            self._trigger(now, "trigger.segment")
        is_first = has_moved = True
        while has_moved:
            timed = ["trigger.schedule"] if is_first else []
            self._trigger(now, "trigger.segment", "trigger.date", *timed)
            # Flow by flow; of one flow first the passage that began first, each as far as it comes.
            has_moved = is_first = False
            for plan in self.world.plans:
                while (enrollment := self._first_free(plan, now)) is not None:
                    enrollment.move(now, act)
                    has_moved = True

    def _first_free(self, plan: Plan, now: datetime) -> Enrollment | None:
        ours = (enrollment for enrollment in self.enrollments if enrollment.plan is plan)
        return next((enrollment for enrollment in ours if enrollment.is_free(now)), None)

    def _take(self, event: Event) -> None:
        """Let an event end enrollments, wake waits, let in."""
        for enrollment in list(self.enrollments):
            enrollment.hear(event, asks_for)
        for plan in self.world.plans:
            triggers = plan.triggers("trigger.event")
            self._let_in(plan, [name for name in triggers if asks_for(plan.config(name), event)], event.at)

    def _trigger(self, now: datetime, *kinds: str) -> None:
        """Let in by triggers of these kinds that fire now."""
        for plan in self.world.plans:
            self._let_in(plan, [name for name in plan.triggers(*kinds) if self._fires(plan, name, now)], now)

    def _fires(self, plan: Plan, name: str, now: datetime) -> bool:
        kind, config = plan.kind(name), plan.config(name)
        if kind == "trigger.date":
            return self._date_due(plan, name, now, fire=True) == now
        matches = holds(rule_of(config), self._view(now))
        if kind == "trigger.schedule":
            return matches and now in self.times[plan.key, name]
        before = self.member.get((plan.key, name), False)
        self.member[plan.key, name] = matches
        return matches and not before

    def _date_due(self, plan: Plan, name: str, now: datetime, *, fire: bool = False) -> datetime | None:
        """Tell when the present value of a date trigger's attribute fires; never, if it has or was past when seen."""
        config = plan.config(name)
        value = self.person.value(config["attribute"])
        seen = self.dates.setdefault((plan.key, name), {})
        if json.dumps(value, default=str) not in seen:
            offset = parse_duration(config["offset"], signed=True) if "offset" in config else None
            at = parse_local_time(config["at"]) if "at" in config else None
            due = date_trigger_instant(parse_moment(value), offset, at, self._zone(plan))
            seen[json.dumps(value, default=str)] = due if due is not None and due >= now else None
        due = seen[json.dumps(value, default=str)]
        if fire and due == now:
            seen[json.dumps(value, default=str)] = None
        return due

    def _let_in(self, plan: Plan, fired: list[str], now: datetime) -> None:
        """Make an enrollment for each trigger that fired, or for the first where one at a time is allowed."""
        for name in fired if plan.reentry == "always" else fired[:1]:
            ours = [enrollment for enrollment in self.enrollments if enrollment.plan is plan]
            if not may_enter(plan, ours, now):
                continue
            world = self.world
            new = Enrollment(self.person, plan, world.segments, world.timezone, len(ours) + 1, now, self._enter)
            self.enrollments.append(new)
            if not new.ends(now):
                new.tokens = [Token(name, due=now)]

    def _enter(self, flow: str, now: datetime) -> None:
        """Carry out what ``flow.enter`` asks for, at once: goal and exit of the other flow see what was done so far."""
        for plan in self.world.plans:
            if plan.key == flow:
                self._let_in(plan, plan.triggers("trigger.manual"), now)

    def _next_instant(self, now: datetime) -> datetime | None:
        """Find when something may happen next."""
        candidates = [event.at for event in self.ahead[:1]]
        for enrollment in self.enrollments:
            for token in enrollment.tokens:
                candidates += [token.due] if token.due else []
                if token.since and enrollment.plan.kind(token.node) == "wait.rule":
                    candidates += flips(enrollment.plan.config(token.node)["when"], enrollment.view(now))
        for plan in self.world.plans:
            for name in plan.triggers("trigger.segment"):
                candidates += flips(rule_of(plan.config(name)), self._view(now))
            for name in plan.triggers("trigger.date"):
                due = self._date_due(plan, name, now)
                candidates += [due] if due else []
            for name in plan.triggers("trigger.schedule"):
                candidates += self.times[plan.key, name]
        return min((instant for instant in candidates if instant > now), default=None)

    def _schedule(self, plan: Plan, name: str) -> list[datetime]:
        """List the instants of a schedule from the start, the start included."""
        config, world = plan.config(name), self.world
        times: list[datetime] = []
        after: datetime | None = world.start - TICK
        while after is not None and after <= world.until:
            times.append(after)
            if "cron" in config:
                after = next_cron(config["cron"], effective_zone(plan.setting("timezone"), world.timezone), after)
            elif len(config["at"]) == len("HH:MM"):
                after = next_daily(parse_local_time(config["at"]), self._zone(plan), after)
            else:
                return [instant_of(config["at"])]
        return times[1:]

    def _zone(self, plan: Plan) -> ZoneInfo:
        return effective_zone(self.person.timezone, plan.setting("timezone"), self.world.timezone)

    def _view(self, now: datetime) -> View:
        return View(self.person, now, self.world.segments)


def asks_for(config: Json, event: Event) -> bool:
    """Tell whether an event is the one that a trigger or a wait asks for."""
    return bool(event.name == config["event"]) and fits_where(event, config.get("where", {}), event.at)


def rule_of(config: Json) -> Json:
    """Take a trigger's rule: its own, or a segment by name."""
    return dict(config["when"]) if "when" in config else {"segment": config["segment"]}


def may_enter(plan: Plan, ours: list[Enrollment], now: datetime) -> bool:
    """Apply the re-entry rule to a contact's earlier enrollments in the flow."""
    if not ours or plan.reentry == "always":
        return True
    cooldown = parse_duration(plan.setting("reentry").get("cooldown", "0s")) if plan.reentry != "once" else None
    is_turned_away = ours[-1].began == now and ours[-1].lines and ours[-1].lines[-1][1].get("end") in ("goal", "exit")
    return cooldown is not None and not ours[-1].active and now >= ours[-1].began + cooldown and not is_turned_away
