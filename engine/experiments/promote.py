"""Carry out what was concluded: state, shares and record change together or not at all."""

from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.errors import ExperimentError
from engine.experiments.counts import Stands, ranges
from engine.experiments.division import EXPERIMENT, SHARE
from engine.experiments.verdict import Act
from engine.store.tables import ExperimentDecision
from engine.terms import Micros

DECISION: sa.Table = ExperimentDecision.__table__  # type: ignore[attr-defined]

DECIDING = ("promoted", "no_difference", "futile", "unproven", "harmed")
"""States in which those who waited need not wait any longer."""

SILENT = ("looked",)
"""Acts that leave no record: nothing was decided."""


def carry_out(connection: Connection, stands: Stands, act: Act, *, now: Micros, by: str) -> None:
    """Write an act down, once: the experiment must stand as it did when the act was chosen.

    Errors: ``ExperimentError`` when somebody else was faster.
    Cost: four statements.
    """
    epoch = stands.epoch + (act.shares is not None)
    changed = connection.execute(
        EXPERIMENT.update()
        .values(_values(stands, act, epoch, now))
        .where(EXPERIMENT.c.id == stands.id, EXPERIMENT.c.state == stands.state, EXPERIMENT.c.epoch == stands.epoch)
    )
    if changed.rowcount != 1:
        raise ExperimentError("the experiment has changed meanwhile; look at it again")
    if act.shares is not None:
        rows = [
            {"experiment_id": stands.id, "epoch": epoch, "variant": way, "upper": upper, "share": share, "since": now}
            for way, (upper, share) in ranges(act.shares).items()
        ]
        connection.execute(SHARE.insert(), rows)
    if act.kind not in SILENT:
        latest = sa.select(sa.func.coalesce(sa.func.max(DECISION.c.number), 0) + 1).where(
            DECISION.c.experiment_id == stands.id
        )
        row = {"experiment_id": stands.id, "number": connection.scalar(latest), "at": now, "act": act.kind}
        connection.execute(DECISION.insert().values(**row, variant=act.variant, by=by, facts=act.facts))


def _values(stands: Stands, act: Act, epoch: int, now: Micros) -> dict[str, Any]:
    values: dict[str, Any] = {"state": act.state, "epoch": epoch}
    if act.kind == "split_off":
        values["split_off"] = True
    if act.kind in ("dropped", "paused"):
        values["out"] = orjson.dumps([*stands.out, act.variant]).decode()
    if act.looks is not None:
        values["looks"] = orjson.dumps(act.looks).decode()
    if act.state != stands.state:
        if act.kind != "settled":
            values["decided_at"] = now
        kept = act.state in ("promoted", "settled")
        values |= {"winner": act.variant if kept else None, "runner_up": act.runner_up if kept else None}
    return values


def decisions(connection: Connection, experiment: int) -> list[dict[str, Any]]:
    """Read everything that was decided about an experiment, oldest first."""
    rows = connection.execute(
        sa.select(DECISION).where(DECISION.c.experiment_id == experiment).order_by(DECISION.c.number)
    )
    return [dict(row) for row in rows.mappings()]
