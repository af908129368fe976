"""What SQL cannot say: local time, templates, and plug-ins that think in rows.

Cost: one statement to read and one to write, however many members there are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from engine.civil import WaitUntil, effective_zone, parse_moment, quiet_until, resolve_wait
from engine.contract.wave import Row
from engine.errors import MissingVariable
from engine.library.plan import Plan
from engine.run import sql
from engine.run.context import Run
from engine.run.members import Flag
from engine.run.recorder import Change, Recorder
from engine.run.tables import PART, WAVE
from engine.store.documents import merged_document
from engine.store.rowsets import pack, rowset
from engine.terms import from_micros, to_micros

_ZONED = ("zone", "now")


def local_times(run: Run, plan: Plan, said: Recorder, here: Flag) -> None:
    """Work out for each member until when it would rest: the target of a wait, or the end of quiet hours."""
    if said.target is not None and said.target[1] is not None:
        _from_attribute(run, plan, said.target[0], said.target[1], here)
        return
    places = (WAVE.c.zone, WAVE.c.now, WAVE.c.started_at)
    chosen = sa.select(*places).where(here).distinct()
    found: list[tuple[str, int, int, int]] = []
    for zone, now, started in run.connection.execute(chosen, run.given()):
        until = _until(run, plan, said, zone, now, started)
        if until is not None:
            found.append((zone, now, started, to_micros(until)))
    _write_until(run, found, here)


def _until(run: Run, plan: Plan, said: Recorder, zone: str, now: int, started: int) -> datetime | None:
    tz = effective_zone(zone, plan.timezone, run.deployment.timezone)
    instant = from_micros(now)
    if said.target is not None:
        return resolve_wait(said.target[0], now=instant, entered=from_micros(started), tz=tz)
    assert plan.quiet is not None
    return quiet_until(instant, *plan.quiet, tz)


def _write_until(run: Run, found: Iterable[tuple[str, int, int, int]], here: Flag) -> None:
    rows = rowset(
        run.dialect, "moments", zone=sa.Text, now=sa.BigInteger, started_at=sa.BigInteger, until=sa.BigInteger
    )
    statement = (
        WAVE.update()
        .values(until=rows.c.until)
        .where(here, WAVE.c.zone == rows.c.zone, WAVE.c.now == rows.c.now, WAVE.c.started_at == rows.c.started_at)
    )
    listed = pack(found)
    if listed != "[]":
        run.connection.execute(statement, {"moments": listed})


def _from_attribute(run: Run, plan: Plan, target: WaitUntil, attribute: str, here: Flag) -> None:
    """Resolve a wait whose date each contact carries in an attribute."""
    members = [(row, attributes.get(attribute)) for row, attributes in _members(run, here)]
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


def decide(run: Run, said: Recorder, here: Flag) -> None:
    """Ask a plug-in that thinks in rows for the port of each member."""
    assert said.decide is not None
    members = list(_members(run, here))
    ports = said.decide([Row(str(row.contact_id), attributes) for row, attributes in members])
    places = [said.node.ports.index(port) for port in ports]
    found = [(row.contact_id, row.token_id, place) for (row, _), place in zip(members, places, strict=True)]
    _write(run, "mark", sa.Integer, found)


def set_from_templates(run: Run, plan: Plan, change: Change, here: Flag) -> None:
    """Write attributes whose values are templates, worked out for each contact."""
    values: Mapping[str, Any] = change.facts["values"]  # type: ignore[assignment]
    seen: dict[int, dict[str, Any]] = {}
    for row, attributes in _members(run, here):
        if row.contact_id not in seen:
            context = {"contact": attributes, "flow": {"key": plan.flow_key, "name": plan.flow_name}}
            seen[row.contact_id] = dict(_worked_out(run, values, context))
    contact = sql.CONTACT
    texts = dict.fromkeys(_COLUMNS, sa.Text)
    rows = rowset(run.dialect, "facts", contact_id=sa.BigInteger, attributes=sa.Text, **texts)
    columns = {name: sa.func.coalesce(rows.c[name], contact.c[name]) for name in _COLUMNS if name in values}
    merged = merged_document(run.dialect, contact.c.attributes, rows.c.attributes)
    statement = (
        contact.update()
        .values(attributes=merged, **columns)
        .where(contact.c.part == PART, contact.c.id == rows.c.contact_id)
    )
    listed = [_facts_row(contact_id, facts) for contact_id, facts in seen.items()]
    if listed:
        run.connection.execute(statement, run.given(facts=pack(listed)))


_COLUMNS = ("email", "phone", "timezone", "locale", "stage")


def _facts_row(contact_id: int, facts: Mapping[str, Any]) -> list[Any]:
    attributes = {name: value for name, value in facts.items() if name not in _COLUMNS}
    return [contact_id, orjson.dumps(attributes).decode(), *(facts.get(name) for name in _COLUMNS)]


def _worked_out(run: Run, values: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Work values out; one that lacks a variable is not written."""
    for name, value in values.items():
        if not isinstance(value, str) or "{{" not in value:
            yield name, value
            continue
        with suppress(MissingVariable):
            yield name, run.deployment.templates.value(value, context)


def _members(run: Run, here: Flag) -> Iterable[tuple[Any, dict[str, Any]]]:
    """Read the members at a node with the facts that templates and plug-ins may use."""
    contact = sql.CONTACT
    chosen = (
        sa.select(
            WAVE.c.contact_id,
            WAVE.c.token_id,
            WAVE.c.zone,
            WAVE.c.now,
            WAVE.c.started_at,
            contact.c.key,
            *(contact.c[name] for name in _COLUMNS),
            contact.c.attributes,
        )
        .select_from(WAVE.join(contact, sa.and_(contact.c.part == PART, contact.c.id == WAVE.c.contact_id)))
        .where(here)
        .order_by(WAVE.c.contact_id, WAVE.c.token_id)
    )
    for row in run.connection.execute(chosen, run.given()):
        columns = {name: getattr(row, name) for name in _COLUMNS if getattr(row, name) is not None}
        yield row, {**row.attributes, **columns, "id": row.key}


def _write(run: Run, column: str, type_: Any, found: Sequence[tuple[int, int, int]]) -> None:
    if not found:
        return
    rows = rowset(run.dialect, "found", contact_id=sa.BigInteger, token_id=sa.BigInteger, value=type_)
    statement = (
        WAVE.update()
        .values({column: rows.c.value})
        .where(WAVE.c.contact_id == rows.c.contact_id, WAVE.c.token_id == rows.c.token_id)
    )
    run.connection.execute(statement, {"found": pack(found)})
