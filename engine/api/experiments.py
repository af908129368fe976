"""Experiments at the counter: their reports, what a hand may do, and what a test would need."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.access.rights import Right
from engine.api import flows
from engine.api.acting import needs, note
from engine.api.messages import Preview, preview
from engine.contract.comparison import Comparison
from engine.errors import ExperimentError, NotFound
from engine.experiments.assign import experiment_id
from engine.experiments.counts import Stands, base_shares, read_stands
from engine.experiments.division import EXPERIMENT
from engine.experiments.glance import Glance, glance
from engine.experiments.promote import carry_out
from engine.experiments.report import Report, make_report
from engine.experiments.stats.forecast import NEVER, passage
from engine.experiments.verdict import Act
from engine.library.plan import Plan, PlanNode
from engine.run.letters import owed
from engine.run.texts import content_of
from engine.run.transactions import transaction
from engine.terms import Json, parse_instant
from engine.wiring import Wiring, look

Hand = Literal["freeze", "thaw", "undo"]

LONGEST = 90
"""Days after which a test is not worth waiting for."""


def reports(wiring: Wiring, flow: str, node: str | None = None) -> list[Report]:
    """Report on every split of a flow's newest version, or on one.

    Errors: ``NotFound``. Cost: five statements a split.
    """
    with wiring.store.read() as connection:
        now = wiring.clock.micros()
        found: list[Report] = []
        for plan, each, comparison in _splits(wiring, connection, flow, node):
            number = experiment_id(plan.flow_key, each.id, comparison.identity)
            versions = wiring.deployments.plans_of(connection, [plan.flow_id]).values()
            told = make_report(connection, wiring.store.parts, number, comparison, now, owed(versions, number))
            found.append({"flow": plan.flow_key, "node": each.id, **told})
        return found


def glances(wiring: Wiring, flow: str) -> dict[str, Glance]:
    """Look at every split of a flow's newest version that somebody has come to, by node.

    Errors: ``NotFound``. Cost: four statements a split.
    """
    with wiring.store.read() as connection:
        now, found = wiring.clock.micros(), {}
        for plan, each, comparison in _splits(wiring, connection, flow, None):
            number = experiment_id(plan.flow_key, each.id, comparison.identity)
            seen = glance(connection, wiring.store.parts, number, comparison, now)
            found.update({} if seen is None else {each.id: seen})
        return found


def running(wiring: Wiring) -> list[dict[str, Json]]:
    """List all experiments of the workspace, the newest first."""
    columns = (EXPERIMENT.c.flow_key, EXPERIMENT.c.node, EXPERIMENT.c.state, EXPERIMENT.c.winner)
    with wiring.store.read() as connection:
        rows = connection.execute(
            sa.select(*columns)
            .where(EXPERIMENT.c.workspace_id == wiring.workspace_id)
            .order_by(EXPERIMENT.c.started_at.desc(), EXPERIMENT.c.id)
        )
        return [{"flow": row.flow_key, "node": row.node, "state": row.state, "winner": row.winner} for row in rows]


@needs(Right.RUN)
def act(wiring: Wiring, flow: str, node: str, hand: Hand) -> str:
    """Freeze an experiment, let it go on, or take its promotion back; give the state afterwards.

    Errors: ``NotFound``; ``ExperimentError`` when it stands otherwise.
    """
    now = wiring.clock.micros()
    with transaction(wiring.store) as connection:
        ((plan, each, comparison),) = _splits(wiring, connection, flow, node)
        stands = read_stands(connection, experiment_id(plan.flow_key, each.id, comparison.identity))
        if stands is None:
            raise ExperimentError("nobody has come to this split yet; there is nothing to change")
        chosen = _by_hand(stands, comparison, hand)
        carry_out(connection, stands, chosen, now=now, by=wiring.actor.name)
        note(wiring, connection, f"experiment.{hand}", f"{flow}/{node}")
    return chosen.state


def plan_test(
    base: float, lift: float, contacts_a_day: float, *, alpha: float = 0.05, mde: float = 0.1, variants: int = 2
) -> dict[str, Json]:
    """Say how many contacts and days a test needs to find a relative lift over a rate.

    Shape: in half, four fifths and nineteen twentieths of tests; ``too_long`` when four fifths need over 90 days.
    """
    found = passage(base, lift, alpha=alpha, mde=mde, variants=variants)
    contacts = [found.half * variants, found.most * variants, found.nearly_all * variants]
    days = [amount / contacts_a_day if contacts_a_day else NEVER for amount in contacts]
    known: list[Json] = [None if amount >= NEVER else round(amount) for amount in contacts]
    return {"contacts": known, "days": [None if day >= NEVER else day for day in days], "too_long": days[1] > LONGEST}


def traffic(wiring: Wiring, report: Report) -> tuple[float, float | None]:
    """Give how many contacts a day came to the split of a report, and which part of the mature ones converted."""
    rows, started = report.get("variants"), report.get("started_at")
    if not isinstance(rows, list) or not isinstance(started, str):
        return 0.0, None
    known = [row for row in rows if isinstance(row, dict)]
    contacts, won, young = (sum(int(str(row[name])) for row in known) for name in ("contacts", "conversions", "young"))
    past = max(1.0, (wiring.clock.now() - parse_instant(started)) / timedelta(days=1))
    return (contacts + young) / past, won / contacts if contacts else None


def letters(wiring: Wiring, flow: str, node: str, locale: str) -> dict[str, Preview]:
    """Render the first message after each variant, as somebody without any facts would get it.

    Errors: ``NotFound``. Shape: variants without a message are left out.
    """
    with wiring.store.read() as connection:
        ((plan, each, comparison),) = _splits(wiring, connection, flow, node)
        look(wiring, connection)
    found: dict[str, Preview] = {}
    for way in comparison.variants:
        sender = _first_sender(plan, each.targets[way])
        if sender is not None:
            said = content_of(plan, sender, wiring.shelf.content)
            texts = {"subject": said.subject, "preheader": said.preheader, "html": said.html, "text": said.text}
            shown = {name: text for name, text in texts.items() if text is not None}
            found[way] = preview(wiring, said.channel, shown, locale=locale)
    return found


def _first_sender(plan: Plan, starts: Sequence[int]) -> PlanNode | None:
    """Find the nearest node that writes to the contact."""
    waiting, seen = list(starts), set(starts)
    while waiting:
        node = plan.nodes[waiting.pop(0)]
        if node.type.reaches_contact:
            return node
        further = [place for way in node.targets.values() for place in way if place not in seen]
        waiting.extend(further)
        seen.update(further)
    return None


def _splits(
    wiring: Wiring, connection: Connection, flow: str, node: str | None
) -> Iterator[tuple[Plan, PlanNode, Comparison]]:
    """Find the splits of a flow's newest version."""
    row = flows.find(wiring, connection, flow)
    plans = wiring.deployments.plans_of(connection, [row.id])
    if not plans:
        raise NotFound(f"flow {flow!r} was never published", flow=flow)
    plan = plans[max(plans)]
    found = [
        (plan, each, comparison)
        for each in plan.nodes
        if node in (None, each.id) and (comparison := each.type.compares(each.config)) is not None
    ]
    if node is not None and not found:
        raise NotFound(f"flow {flow!r} has no split {node!r}", flow=flow, node=node)
    yield from found


def _by_hand(stands: Stands, comparison: Comparison, hand: Hand) -> Act:
    if hand == "freeze" and stands.state != "frozen":
        return Act("frozen", "frozen")
    if hand == "thaw" and stands.state == "frozen":
        return Act("thawed", "running")
    if hand == "undo" and stands.state in ("promoted", "settled"):
        return Act("undone", "frozen", stands.winner, shares=base_shares(comparison, stands.out))
    raise ExperimentError(f"the experiment is {stands.state}; it cannot do that now")
