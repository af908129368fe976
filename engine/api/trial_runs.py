"""Rehearse a flow's draft for the canvas: who, from when on, how they behave, and what happened day by day."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from engine.api import documents, drawing, flows, manners, rehearsal
from engine.api.documents import Shipped
from engine.api.manners import Manner
from engine.api.walks import Followed, Stride, follow
from engine.api.workspaces import read_workspace
from engine.errors import FlowError
from engine.graph.document import is_sound, read_document
from engine.library.planning import make_plan
from engine.simulate.behaviour import Behaviour
from engine.simulate.daily import Day, days_of
from engine.simulate.pressure import Pressure, pressure_of
from engine.simulate.report import Report
from engine.terms import parse_duration
from engine.wiring import Wiring

__all__ = ["Day", "Followed", "Pressure", "Stride"]

MOST_CONTACTS: Final = 20_000
MOST_DAYS: Final = 366
WEEK: Final = timedelta(days=7)
"""Within this messages to one contact are counted where the workspace has no frequency cap."""


@dataclass(frozen=True)
class Asked:
    """What is tried out: how many contacts, for how long, from when on, and how they behave."""

    contacts: int = 2_000
    days: int = 30
    start: datetime | None = None
    seed: int = 1
    open: float | None = None
    click: float | None = None
    unsubscribe: float | None = None
    activity: float | None = None
    purchase: float | None = None


@dataclass(frozen=True)
class Tried:
    """What came of it; ``samples`` are followed through the draft only."""

    report: Report
    start: datetime
    days: tuple[Day, ...]
    samples: tuple[Followed, ...]
    pressure: Pressure


def manner_of(wiring: Wiring, shipped: Shipped, key: str) -> Manner:
    """Tell how contacts behave in a flow: as they did lately, else as its template says, else plainly.

    Errors: ``NotFound``.
    """
    document, findings = read_document(drawing.open_sheet(wiring, key).raw, wiring.registry)
    plan = None
    if document is not None and is_sound(findings):
        plan = make_plan(document, version_id=0, flow_id=0, workspace_id=wiring.workspace_id)
    return manners.manner_of(wiring, shipped.behaviours.get(key), key, plan)


def _behaviour(manner: Manner, asked: Asked) -> Behaviour:
    """Give what was assumed, with what the user says otherwise."""
    rates = {name: getattr(manner, name).share for name in ("open", "click", "unsubscribe")}
    given = {name: getattr(asked, name) for name in (*rates, "activity")}
    changed: dict[str, Any] = {**rates, **{name: value for name, value in given.items() if value is not None}}
    purchase, own = asked.purchase, manner.behaviour.purchase
    if purchase is None and manner.purchase is not None:
        purchase = manner.purchase.share
    if purchase is not None and own is not None:
        changed["purchase"] = own.model_copy(update={"per_day": purchase})
    goals = {} if purchase is None else dict.fromkeys(manner.goals, purchase)
    return manner.behaviour.model_copy(update={**changed, "usual": {**manner.usual, **goals}})


def try_out(
    wiring: Wiring,
    shipped: Shipped,
    key: str,
    asked: Asked,
    *,
    live: bool = False,
    progress: Callable[[float], None] = lambda _: None,
) -> Tried:
    """Play a flow's draft, or what is live of it, in a virtual world; nobody is mailed and nothing is stored.

    Errors: ``NotFound``; ``FlowError`` with its findings when it cannot be run, or when too much is asked.
    """
    if not 1 <= asked.contacts <= MOST_CONTACTS or not 1 <= asked.days <= MOST_DAYS:
        raise FlowError(f"between 1 and {MOST_CONTACTS} contacts and {MOST_DAYS} days can be tried out")
    raw: Mapping[str, Any] = flows.export_flow(wiring, key, live=True) if live else drawing.open_sheet(wiring, key).raw
    with wiring.store.read() as connection:
        wiring.shelf.refresh(connection)
    wanted = documents.rehearsal_of(
        wiring, shipped, raw, contacts=asked.contacts, start=asked.start, days=asked.days, seed=asked.seed
    )
    wanted = rehearsal.with_behaviour(wanted, _behaviour(manner_of(wiring, shipped, key), asked))
    cap = read_workspace(wiring).settings.get("frequency_cap")
    per = WEEK if cap is None else parse_duration(str(cap["per"]))
    with rehearsal.played(wiring, raw, wanted, documents.finder(wiring, shipped), progress) as over:
        followed = () if live else tuple(follow(over))
        with over.world.read() as connection:
            days = days_of(connection, over.outcome.plan, wanted.start.date(), math.ceil(asked.days) + 1)
            pressure = pressure_of(connection, over.outcome.plan, per)
    return Tried(over.outcome.report, wanted.start, tuple(days), followed, pressure)
