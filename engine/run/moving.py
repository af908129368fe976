"""Move tokens: those whose ways are known go directly, the others from node to node; then follow up their changes."""

from collections.abc import Sequence
from typing import Any, Final

from engine.library.plan import Plan, PlanNode
from engine.run import claim, follow, wave
from engine.run.context import Run
from engine.run.direct import carry, fill, straight
from engine.run.direct.program import Direct, direct_of
from engine.run.enroll import count_entrants, enter, list_range
from engine.run.program import Program
from engine.run.wave import NOBODY, WaveReport

WORTH: Final = 10_000
"""So many tokens move node by node on an exact clock before the ways of their program are found, which takes as long.

A rehearsal of a draft plays a few thousand contacts, once.
"""


def move_due(run: Run, program: Program, contacts: Sequence[int], *, woken_only: bool = False) -> WaveReport:
    """Move the due tokens of these contacts (ascending)."""
    direct = direct_of(program)
    if direct is None:
        return _by_nodes(run, program, claim.fill_due(run, program, contacts, woken_only=woken_only))
    first = _straight(run, direct, contacts, woken_only=woken_only)
    if first.tokens < len(contacts):
        first += _directly(run, direct, fill.fill_due(run, direct, contacts, woken_only=woken_only))
    if first.tokens >= len(contacts):
        # Without parallel paths a contact has one token here.
        return first
    rest = claim.fill_due(run, program, contacts, woken_only=woken_only, spared=direct.nodes)
    return first + _by_nodes(run, program, rest)


def move_turn(run: Run, program: Program) -> WaveReport:
    """Move the tokens that are due at their contact's turn; of several enrollments one after the other.

    What these bring about for others of the same flow happens before the next flow's turn.
    Cost: one statement for a version of which none is.
    """
    moved = NOBODY
    while claim.anybody_turns(run, program):
        now = _move_turn(run, program)
        moved += now
        if now.tokens == 0 or not (program.plan.reentry == "always" or program.rule_waits):
            break
    return moved


def _move_turn(run: Run, program: Program) -> WaveReport:
    direct = direct_of(program) if program.moved >= WORTH else None
    if direct is None:
        done = _by_nodes(run, program, claim.fill_turn(run, program))
        program.moved += done.tokens
        return done
    first = _directly(run, direct, fill.fill_turn(run, direct))
    return first + _by_nodes(run, program, claim.fill_turn(run, program, direct.nodes))


def enter_moving(run: Run, plan: Plan, trigger: PlanNode) -> tuple[int, int]:
    """Let in the contacts of the entrant table, each there once, and carry them to their first rest at once.

    Shape: how many came in, and how many steps they took; those whose ways are not known rest at the trigger.
    """
    direct = _direct_from(run, plan, trigger)
    if direct is None:
        return enter(run, plan, trigger), 0
    entrants = count_entrants(run)
    if entrants.count == 0:
        return 0, 0
    entered = fill.fill_entrants(run, direct, trigger, entrants)
    return entered, _directly(run, direct, entered, entering=True).steps


def enter_range(run: Run, plan: Plan, trigger: PlanNode, after: int, last: int) -> tuple[int, int, int]:
    """Let in the contacts of the part after one, up to another one, as ``enter_moving`` does.

    Shape: how many contacts there are, how many of them came in, and how many steps they took.
    """
    direct = _direct_from(run, plan, trigger)
    if direct is None:
        return list_range(run, after, last), enter(run, plan, trigger), 0
    asked, entered = fill.fill_range(run, direct, trigger, after, last)
    return asked, entered, _directly(run, direct, entered, entering=True).steps


def _direct_from(run: Run, plan: Plan, trigger: PlanNode) -> Direct | None:
    direct = direct_of(run.deployment.program(plan.version_id, run.dialect))
    known = direct is not None and plan.reentry != "always" and trigger.index in direct.nodes
    return direct if known else None


def _straight(run: Run, direct: Direct, contacts: Sequence[int], *, woken_only: bool) -> WaveReport:
    found = straight.straight_of(direct)
    if found is None or run.exact or not contacts:
        return NOBODY
    form, given = claim.chosen_contacts(contacts)
    return straight.move(run, found, given, woken_only=woken_only) if form == "range" else NOBODY


def _directly(run: Run, direct: Direct, tokens: int, **options: Any) -> WaveReport:
    if tokens == 0:
        return NOBODY
    steps = carry.carry(run, direct, tokens, **options)
    if carry.touched(run, direct):
        follow.facts(run)
    return WaveReport(tokens, steps)


def _by_nodes(run: Run, program: Program, tokens: int) -> WaveReport:
    if tokens == 0:
        return NOBODY
    done = wave.carry(run, program, tokens)
    follow.wave_done(run)
    return done
