"""Triggers that go by the calendar: schedules let in all that match at each time, dates each contact at its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from engine.civil import (
    date_trigger_instant,
    effective_zone,
    next_cron,
    next_daily,
    parse_local_time,
    parse_moment,
    zone,
)
from engine.contract.node import ByDate, BySchedule
from engine.library.plan import Plan, PlanNode
from engine.rules.model import InSegment
from engine.run import cursors, sql
from engine.run.context import Run
from engine.run.enroll import enter
from engine.run.review import RECHECK
from engine.run.tables import ENTRANT, PART, TOUCHED, clear
from engine.segments.compile import compile_rule
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import pack, rowset
from engine.terms import Micros, from_micros, parse_instant, to_micros

NEVER = 1 << 62
"""When a date trigger looks again at a contact whom it has let in for the present value: once per value."""


@dataclass(frozen=True)
class Occasion:
    """One time of one schedule, for the contacts of one zone or for all."""

    at: Micros
    plan: Plan
    trigger: PlanNode
    zone: str | None


def occasions(run: Run, until: Micros) -> list[Occasion]:
    """List the next occasion of each schedule up to an instant, the earliest first."""
    found: list[Occasion] = []
    for plan, trigger, entry in _schedules(run):
        name = _cursor_name(plan, trigger, None)
        after = cursors.find(run, name)
        if after is None:
            # Newly published: times from this very instant on count.
            after = run.now - 1
            cursors.move(run, name, after)
        found.extend(each for each in _next(run, plan, trigger, entry, after) if each.at <= until)
    return sorted(found, key=lambda each: (each.at, each.plan.version_id, each.trigger.index))


def let_in(run: Run, occasion: Occasion) -> int:
    """Let in all that match at an occasion, and remember that it is over."""
    entry = occasion.trigger.entry
    assert isinstance(entry, BySchedule)
    now = occasion.at if run.exact else run.now
    clear(run.connection, ENTRANT)
    statement = _matching(run, occasion, entry)
    statement.run(run.connection, run.given(now=now, zone=occasion.zone or ""))
    cursors.move(run, _cursor_name(occasion.plan, occasion.trigger, occasion.zone), occasion.at)
    return enter(run, occasion.plan, occasion.trigger)


def plan_dates(run: Run, only: int | None = None) -> None:
    """Work out anew at which instant the touched contacts come in by each date trigger, or by one of them.

    Shape: one recheck row a contact and trigger; its note is the value that the instant was made from.
    """
    for subject, (plan, trigger) in run.deployment.date_triggers().items():
        if only in (None, subject) and isinstance(trigger.entry, ByDate):
            _plan_date(run, subject, plan, trigger.entry)


def dates_due(run: Run, plan: Plan, trigger: PlanNode, due: sa.Select[Any], given: dict[str, Any]) -> int:
    """Let in the contacts whose date has come; ``due`` selects their ids and instants."""
    clear(run.connection, ENTRANT)
    run.connection.execute(ENTRANT.insert().from_select(["contact_id", "now"], due), given)
    return enter(run, plan, trigger)


def _schedules(run: Run) -> Iterator[tuple[Plan, PlanNode, BySchedule]]:
    for plan in run.deployment.open():
        for trigger in plan.triggers:
            if isinstance(trigger.entry, BySchedule):
                yield plan, trigger, trigger.entry


def _next(run: Run, plan: Plan, trigger: PlanNode, entry: BySchedule, after: Micros) -> Iterator[Occasion]:
    last = from_micros(after)
    if entry.cron is not None:
        tz = effective_zone(plan.timezone, run.deployment.timezone)
        instant = next_cron(entry.cron, tz, last)
        if instant is not None:
            yield Occasion(to_micros(instant), plan, trigger, None)
    elif entry.at is not None and len(entry.at) == len("HH:MM"):
        at = parse_local_time(entry.at)
        for name in _zones(run):
            seen = cursors.find(run, _cursor_name(plan, trigger, name))
            tz = effective_zone(name, plan.timezone, run.deployment.timezone)
            instant = next_daily(at, tz, last if seen is None else from_micros(seen))
            yield Occasion(to_micros(instant), plan, trigger, name)
    elif entry.at is not None and parse_instant(entry.at) > last:
        yield Occasion(to_micros(parse_instant(entry.at)), plan, trigger, None)


def _zones(run: Run) -> list[str]:
    contact = sql.CONTACT
    chosen = sa.select(sa.func.coalesce(contact.c.timezone, "")).where(contact.c.part == PART).distinct()
    return sorted(str(name) for name in run.connection.execute(chosen, run.given()).scalars())


def _matching(run: Run, occasion: Occasion, entry: BySchedule) -> Prepared:
    contact = sql.CONTACT.alias()
    now: sa.ColumnElement[int] = parameter("now")
    meaning = sql.Meaning.of(occasion.plan, run.deployment.segments)
    rule = entry.rule if entry.rule is not None else InSegment(str(entry.segment))
    chosen = sa.select(contact.c.id, now).where(
        contact.c.part == PART,
        contact.c.created_at <= now,
        compile_rule(rule, meaning.scope(contact, now, None)),
    )
    if occasion.zone is not None:
        chosen = chosen.where(sa.func.coalesce(contact.c.timezone, "") == parameter("zone", sa.Text))
    return Prepared(ENTRANT.insert().from_select(["contact_id", "now"], chosen), run.dialect)


def _cursor_name(plan: Plan, trigger: PlanNode, zone_name: str | None) -> str:
    return f"schedule/{plan.flow_key}/{trigger.id}" + ("" if zone_name is None else f"/{zone_name}")


def _plan_date(run: Run, subject: int, plan: Plan, entry: ByDate) -> None:
    touched = sa.select(TOUCHED.c.contact_id)
    mine = [RECHECK.c.part == run.part, RECHECK.c.subject == subject, RECHECK.c.contact_id.in_(touched)]
    over = sa.select(RECHECK.c.contact_id, RECHECK.c.note).where(*mine, RECHECK.c.due_at == NEVER)
    fired = {row[0]: row[1] for row in run.connection.execute(over)}
    found: list[tuple[int, int, str]] = []
    for contact_id, now, zone_name, value in _dates(run, entry.attribute):
        instant = _instant(run, plan, entry, zone_name, value)
        if fired.get(contact_id) == str(value):
            found.append((contact_id, NEVER, str(value)))
        elif instant is not None and to_micros(instant) >= now:
            found.append((contact_id, to_micros(instant), str(value)))
    run.connection.execute(RECHECK.delete().where(*mine))
    if found:
        _note_dates(run.dialect).run(run.connection, run.given(subject=subject, dates=pack(found)))


def _instant(run: Run, plan: Plan, entry: ByDate, zone_name: str | None, value: object) -> datetime | None:
    tz = effective_zone(zone_name if zone(zone_name) else None, plan.timezone, run.deployment.timezone)
    return date_trigger_instant(parse_moment(value), entry.offset, entry.at, tz)


def _dates(run: Run, attribute: str) -> Iterator[tuple[int, int, str | None, object]]:
    contact = sql.CONTACT
    chosen = sa.select(TOUCHED.c.contact_id, TOUCHED.c.now, contact.c.timezone, contact.c.attributes).where(
        contact.c.part == run.part, contact.c.id == TOUCHED.c.contact_id
    )
    for row in run.connection.execute(chosen):
        yield row.contact_id, row.now, row.timezone, row.attributes.get(attribute)


@cache
def _note_dates(dialect: str) -> Prepared:
    rows = rowset(dialect, "dates", contact_id=sa.BigInteger, due_at=sa.BigInteger, note=sa.Text)
    chosen = sa.select(PART, rows.c.contact_id, parameter("subject"), rows.c.due_at, rows.c.note)
    return Prepared(RECHECK.insert().from_select(["part", "contact_id", "subject", "due_at", "note"], chosen), dialect)
