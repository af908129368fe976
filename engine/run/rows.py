"""What SQL cannot say: local time, templates, and plug-ins that think in rows.

Cost: one statement to read and one to write, however many members there are.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import time
from functools import cache, lru_cache, partial
from typing import Any, Final

import orjson
import sqlalchemy as sa

from engine.civil import WaitUntil, effective_zone, parse_moment, quiet_until, resolve_wait
from engine.contract.wave import Row
from engine.errors import MissingVariable
from engine.library.plan import Plan
from engine.run import sql
from engine.run.context import Run
from engine.run.effects import CONTACT_COLUMNS
from engine.run.program import NodeProgram
from engine.run.recorder import Change
from engine.run.tables import PART, WAVE
from engine.store.documents import merged_document
from engine.store.prepared import Prepared, document
from engine.store.rowsets import pack, rowset
from engine.terms import MINUTE, SECOND, from_micros, to_micros

KNOWN: Final = 10_000
"""So many answers are kept: those who came in together, or within a slot, wait for the same."""

SLOT: Final = 15 * MINUTE
"""Within so long, from a multiple of it on, the local day is the same: all offsets of zones are multiples of it."""


def local_times(run: Run, plan: Plan, each: NodeProgram) -> None:
    """Work out for each member until when it would rest: the target of a wait, or the end of quiet hours."""
    target = each.said.target
    if target is not None and target[1] is not None:
        _from_attribute(run, plan, target[0], target[1], each)
        return
    assert each.standing is not None
    members = each.standing.run(run.connection, {}).all()
    if target is not None:
        find = partial(target_instant, target[0], plan.timezone, run.deployment.timezone)
    else:
        assert plan.quiet is not None
        find = partial(quiet_end, plan.quiet, plan.timezone, run.deployment.timezone)
    found: list[tuple[int, int, int]] = []
    for contact_id, token_id, zone, now, started in members:
        until = find(zone, now, started)
        if until is not None:
            found.append((contact_id, token_id, until))
    _write(run, "until", sa.BigInteger, found)


def target_instant(spec: WaitUntil, flow: str | None, workspace: str, zone: str, now: int, started: int) -> int | None:
    """Give the first instant that satisfies a wait for a member of a zone, who came in at ``started``."""
    until = _target(spec, flow, workspace, zone, _slot(now), _slot(started))
    if until is None or until >= now or spec.day is not None or spec.business_days is not None:
        return until
    # The next occurrence, as seen from the beginning of the slot, is over.
    return _target(spec, flow, workspace, zone, now, started)


@lru_cache(maxsize=KNOWN)
def _target(spec: WaitUntil, flow: str | None, workspace: str, zone: str, now: int, started: int) -> int | None:
    tz = effective_zone(zone, flow, workspace)
    until = resolve_wait(spec, now=from_micros(now), entered=from_micros(started), tz=tz)
    return None if until is None else to_micros(until)


def quiet_end(
    hours: tuple[time, time], flow: str | None, workspace: str, zone: str, now: int, _started: int
) -> int | None:
    """Give the end of quiet hours for a member of a zone; None when they are not."""
    until = _quiet(hours, flow, workspace, zone, _slot(now))
    # They may end within the slot, or begin.
    is_same = _slot(_of_day(hours[0])) == _of_day(hours[0]) if until is None else until > now
    return until if is_same else _quiet(hours, flow, workspace, zone, now)


@lru_cache(maxsize=KNOWN)
def _quiet(hours: tuple[time, time], flow: str | None, workspace: str, zone: str, now: int) -> int | None:
    until = quiet_until(from_micros(now), *hours, effective_zone(zone, flow, workspace))
    return None if until is None else to_micros(until)


def _slot(now: int) -> int:
    """Give the beginning of the slot in which an instant lies."""
    return now - now % SLOT


def _of_day(clock: time) -> int:
    return (clock.hour * 60 + clock.minute) * MINUTE + clock.second * SECOND + clock.microsecond


def _from_attribute(run: Run, plan: Plan, target: WaitUntil, attribute: str, each: NodeProgram) -> None:
    """Resolve a wait whose date each contact carries in an attribute."""
    members = [(row, attributes.get(attribute)) for row, attributes in _members(run, each)]
    found: list[tuple[int, int, int]] = []
    for row, value in members:
        moment = parse_moment(value)
        if moment is None:
            continue
        tz = effective_zone(row.zone, plan.timezone, run.deployment.timezone)
        spec = WaitUntil(
            day=target.day,
            weekday=target.weekday,
            at=target.at,
            date=moment,
            offset=target.offset,
            business_days=target.business_days,
            calendar=target.calendar,
        )
        until = resolve_wait(spec, now=from_micros(row.now), entered=from_micros(row.started_at), tz=tz)
        if until is not None:
            found.append((row.contact_id, row.token_id, to_micros(until)))
    _write(run, "until", sa.BigInteger, found)


def decide(run: Run, each: NodeProgram) -> None:
    """Ask a plug-in that thinks in rows for the port of each member."""
    assert each.said.decide is not None
    members = list(_members(run, each))
    ports = each.said.decide([Row(str(row.contact_id), attributes) for row, attributes in members])
    places = [each.node.ports.index(port) for port in ports]
    found = [(row.contact_id, row.token_id, place) for (row, _), place in zip(members, places, strict=True)]
    _write(run, "mark", sa.Integer, found)


def set_from_templates(run: Run, plan: Plan, change: Change, each: NodeProgram) -> None:
    """Write attributes whose values are templates, worked out for each contact."""
    values: Mapping[str, Any] = change.facts["values"]  # type: ignore[assignment]
    seen: dict[int, dict[str, Any]] = {}
    for row, attributes in _members(run, each):
        if row.contact_id not in seen:
            context = {"contact": attributes, "flow": {"key": plan.flow_key, "name": plan.flow_name}}
            seen[row.contact_id] = dict(_worked_out(run, values, context))
    contact = sql.CONTACT
    texts = dict.fromkeys(CONTACT_COLUMNS, sa.Text)
    rows = rowset(run.dialect, "facts", contact_id=sa.BigInteger, attributes=sa.Text, **texts)
    columns = {name: sa.func.coalesce(rows.c[name], contact.c[name]) for name in CONTACT_COLUMNS if name in values}
    merged = merged_document(run.dialect, contact.c.attributes, rows.c.attributes)
    statement = (
        contact.update()
        .values(attributes=merged, **columns)
        .where(contact.c.part == PART, contact.c.id == rows.c.contact_id)
    )
    listed = [_facts_row(contact_id, facts) for contact_id, facts in seen.items()]
    if listed:
        run.connection.execute(statement, run.given(facts=pack(listed)))


def _facts_row(contact_id: int, facts: Mapping[str, Any]) -> list[Any]:
    attributes = {name: value for name, value in facts.items() if name not in CONTACT_COLUMNS}
    return [contact_id, orjson.dumps(attributes).decode(), *(facts.get(name) for name in CONTACT_COLUMNS)]


def _worked_out(run: Run, values: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Work values out; one that lacks a variable is not written."""
    for name, value in values.items():
        if not isinstance(value, str) or "{{" not in value:
            yield name, value
            continue
        with suppress(MissingVariable):
            yield name, run.deployment.templates.value(value, context)


def _members(run: Run, each: NodeProgram) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Read the members at a node with the facts that templates and plug-ins may use."""
    assert each.standing is not None
    for row in each.standing.run(run.connection, run.given()).all():
        columns = {name: getattr(row, name) for name in CONTACT_COLUMNS if getattr(row, name) is not None}
        yield row, {**document(row.attributes), **columns, "id": row.key}


def _write(run: Run, column: str, type_: Any, found: Sequence[tuple[int, int, int]]) -> None:
    if found:
        _writing(run.dialect, column, type_).run(run.connection, {"found": pack(found)})


@cache
def _writing(dialect: str, column: str, type_: Any) -> Prepared:
    rows = rowset(dialect, "found", contact_id=sa.BigInteger, token_id=sa.BigInteger, value=type_)
    return Prepared(
        WAVE.update()
        .values({column: rows.c.value})
        .where(WAVE.c.contact_id == rows.c.contact_id, WAVE.c.token_id == rows.c.token_id),
        dialect,
    )
