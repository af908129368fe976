"""Weights as shares of a hundred: moving one slider moves the others, so that the sum stays."""

from collections.abc import Sequence
from typing import Final

from designer.forms.inputs import Absent, Inputs, Maybe
from designer.forms.leaves import as_json, number_of
from engine.terms import Json

WHOLE: Final = 100


def shares(weights: Sequence[Json]) -> list[int]:
    """Give weights in whole percent that sum to a hundred; what is no weight counts as nothing."""
    amounts = [_amount(weight) for weight in weights]
    total = sum(amounts)
    if not total:
        return [0] * len(amounts)
    return _rounded([amount / total * WHOLE for amount in amounts], WHOLE)


def balanced(places: Sequence[int], inputs: Inputs, name: str) -> list[Json]:
    """Read weights from their sliders: the others give way to the one that was moved; ``even`` makes all alike.

    Shape: those of a list in which none was moved are as they were.
    """
    if inputs.pressed(name, "even"):
        return [1 for _ in places]
    moved = [place for place in places if _was_moved(inputs, f"{name}.{place}")]
    if not moved:
        return [_kept(inputs, f"{name}.{place}.raw") for place in places]
    typed = {place: _amount(number_of(inputs.typed(f"{name}.{place}.v"))) for place in places}
    if len(moved) > 1 or len(places) < 2:
        return list(typed.values())
    own = min(round(typed[moved[0]]), WHOLE)
    others = [typed[place] for place in places if place != moved[0]]
    given = shares(others if any(others) else [1] * len(others))
    rest = iter(_rounded([share * (WHOLE - own) / WHOLE for share in given], WHOLE - own))
    return [own if place == moved[0] else next(rest) for place in places]


def _kept(inputs: Inputs, name: str) -> Json:
    value = as_json(inputs, name)
    return 0 if isinstance(value, Absent) else value


def _rounded(amounts: Sequence[float], total: int) -> list[int]:
    """Round amounts to whole numbers of a given sum, the largest remainders up."""
    found = [int(amount) for amount in amounts]
    by_remainder = sorted(range(len(found)), key=lambda place: amounts[place] - found[place], reverse=True)
    for place in by_remainder[: max(total - sum(found), 0)]:
        found[place] += 1
    return found


def _was_moved(inputs: Inputs, name: str) -> bool:
    return inputs.has(f"{name}.was") and inputs.typed(f"{name}.was") != inputs.typed(f"{name}.v")


def _amount(weight: Maybe) -> float:
    return float(weight) if isinstance(weight, int | float) and not isinstance(weight, bool) and weight > 0 else 0.0
