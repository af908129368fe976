"""The ledger: one row for a contact in an experiment, with running counts beside it that are never counted again."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from engine.experiments.division import EXPERIMENT, EXPOSURE, Column, Division
from engine.store.dialect import insert_ignore, upsert
from engine.store.tables import Tally
from engine.store.tables.experiments import CONVERTED, EXPOSED, HARMED, SENT
from engine.terms import HOUR, length_micros

TALLY: sa.Table = Tally.__table__  # type: ignore[attr-defined]


def begin(
    division: Division, source: sa.Table, here: Column, facts: dict[str, Any], dialect: str
) -> sa.sql.dml.UpdateBase:
    """Note the experiment, and when the first contact came to it; ``facts`` are the columns that are known."""
    first = sa.select(sa.func.min(division.now).label("at")).select_from(source).where(here).subquery("first")
    row: dict[str, Any] = {
        "id": sa.literal(division.experiment, sa.BigInteger),
        **{name: sa.literal(value, EXPERIMENT.c[name].type) for name, value in facts.items()},
        "settings": sa.literal(division.comparison.model_dump_json(), sa.Text),
        "state": sa.literal("running", sa.Text),
        "started_at": first.c.at,
        "epoch": sa.literal(0, sa.BigInteger),
        "split_off": sa.false(),
        "out": sa.literal("[]", sa.Text),
        "looks": sa.literal("[]", sa.Text),
    }
    # The row is one for all parts: waves that would only say what it says already must not lock it.
    known = sa.exists().where(EXPERIMENT.c.id == division.experiment, EXPERIMENT.c.started_at <= first.c.at)
    insert = upsert(EXPERIMENT, dialect).from_select(
        list(row), sa.select(*row.values()).where(first.c.at.is_not(None), ~known)
    )
    earlier = {"started_at": insert.excluded.started_at}
    changed: sa.sql.dml.UpdateBase = insert.on_conflict_do_update(
        index_elements=["id"], set_=earlier, where=EXPERIMENT.c.started_at > insert.excluded.started_at
    )
    return changed


def expose(division: Division, source: sa.Table, here: Column, dialect: str) -> Iterator[sa.sql.dml.UpdateBase]:
    """Count those who are given a variant for the first time, then write them down."""
    before = sa.exists().where(
        EXPOSURE.c.part == division.part,
        EXPOSURE.c.contact_id == division.contact_id,
        EXPOSURE.c.experiment_id == division.experiment,
    )
    words = {way: sa.literal(way, sa.Text) for way in division.comparison.ways}
    way = division.choose({**words, "": sa.null()})
    # A contact may stand here with two tokens: both get the same, and it counts once.
    given = (
        sa.select(
            division.contact_id.label("contact_id"),
            sa.func.min(division.now).label("at"),
            sa.func.min(way).label("variant"),
            sa.func.min(division.epoch).label("epoch"),
        )
        .select_from(source)
        .where(here, ~before)
        .group_by(division.contact_id)
        .subquery("given")
    )
    chosen = given.c.variant.is_not(None)
    yield _add(division, given, given.c.at, EXPOSED, chosen, dialect)
    row = {
        "part": division.part,
        "contact_id": given.c.contact_id,
        "experiment_id": sa.literal(division.experiment, sa.BigInteger),
        "variant": given.c.variant,
        "at": given.c.at,
        "epoch": given.c.epoch,
        "harmed": sa.literal(0, sa.BigInteger),
    }
    yield insert_ignore(EXPOSURE, dialect).from_select(list(row), sa.select(*row.values()).where(chosen))


def happened(
    experiment: int, part: Column, events: sa.FromClause, window: timedelta, what: int, dialect: str
) -> tuple[sa.sql.dml.UpdateBase, sa.sql.dml.UpdateBase]:
    """Count and mark exposures after which such an event came within the window, each once.

    ``events`` has ``contact_id`` and ``at``, one row for a contact. Cost: in proportion to the events.
    """
    length = sa.literal(length_micros(window), sa.BigInteger)
    bit = 1 << max(0, what - HARMED)
    unmarked = EXPOSURE.c.converted_at.is_(None) if what == CONVERTED else EXPOSURE.c.harmed.op("&")(bit) == 0
    counts = sa.and_(
        EXPOSURE.c.part == part,
        EXPOSURE.c.contact_id == events.c.contact_id,
        EXPOSURE.c.experiment_id == experiment,
        events.c.at > EXPOSURE.c.at,
        events.c.at <= EXPOSURE.c.at + length,
        unmarked,
    )
    exposed = sa.select(EXPOSURE.c.variant, EXPOSURE.c.epoch, EXPOSURE.c.at).where(counts).subquery("exposed")
    tally = _add_to(experiment, part, exposed, exposed.c.at, what, sa.true(), dialect)
    mark: dict[str, Any] = (
        {"converted_at": events.c.at} if what == CONVERTED else {"harmed": EXPOSURE.c.harmed.op("|")(bit)}
    )
    return tally, EXPOSURE.update().values(mark).where(counts)


def went_out(experiment: Column, part: Column, messages: sa.FromClause, dialect: str) -> sa.sql.dml.UpdateBase:
    """Count exposures whose first message went out, each once.

    ``messages`` has ``contact_id`` and ``due_at``. Shape: a message that was owed at the instant of the exposure is
    that of the first passage; whoever passes again is not counted again. Cost: in proportion to the messages.
    """
    exposed = (
        sa.select(EXPOSURE.c.variant, EXPOSURE.c.epoch, EXPOSURE.c.at)
        .join(messages, sa.and_(messages.c.contact_id == EXPOSURE.c.contact_id, messages.c.due_at == EXPOSURE.c.at))
        .where(EXPOSURE.c.part == part, EXPOSURE.c.experiment_id == experiment)
        .subquery("exposed")
    )
    return _add_to(experiment, part, exposed, exposed.c.at, SENT, sa.true(), dialect)


def _add(
    division: Division, rows: sa.FromClause, at: Column, what: int, where: Column, dialect: str
) -> sa.sql.dml.UpdateBase:
    return _add_to(division.experiment, division.part, rows, at, what, where, dialect)


def _add_to(
    experiment: int | Column, part: Column, rows: sa.FromClause, at: Column, what: int, where: Column, dialect: str
) -> sa.sql.dml.UpdateBase:
    hour = at - at % HOUR
    counted = (
        sa.select(rows.c.epoch, hour.label("hour"), rows.c.variant, sa.func.count().label("contacts"))
        .where(where)
        .group_by(rows.c.epoch, hour, rows.c.variant)
        .subquery("counted")
    )
    row = {
        "part": part,
        "experiment_id": sa.literal(experiment, sa.BigInteger) if isinstance(experiment, int) else experiment,
        "epoch": counted.c.epoch,
        "hour": counted.c.hour,
        "variant": counted.c.variant,
        "what": sa.literal(what, sa.BigInteger),
        "contacts": counted.c.contacts,
    }
    # A WHERE keeps SQLite from reading ON CONFLICT as a join's ON; in one order nobody waits for each other.
    ordered = sa.select(*row.values()).where(sa.true()).order_by(counted.c.epoch, counted.c.hour, counted.c.variant)
    insert = upsert(TALLY, dialect).from_select(list(row), ordered)
    more: sa.sql.dml.UpdateBase = insert.on_conflict_do_update(
        index_elements=[column.name for column in TALLY.primary_key.columns],
        set_={"contacts": TALLY.c.contacts + insert.excluded.contacts},
    )
    return more
