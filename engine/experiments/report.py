"""The report of an experiment: what was seen, what it proves, what is missing, and what was decided."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from engine.contract.comparison import HOLDOUT, Comparison
from engine.experiments.counts import Counts, Stands, read_counts, read_stands
from engine.experiments.promote import decisions
from engine.experiments.stats import alarms, belief, race
from engine.experiments.stats.forecast import NEVER
from engine.experiments.stats.interval import lift_interval
from engine.experiments.verdict import (
    harm_evidence,
    look_ahead,
    matrix,
    prior_of,
    sent_evidence,
    split_evidence,
    standing,
    waits_for,
)
from engine.terms import DAY, Json, Micros, format_instant, from_micros, length_micros

POINTS = 30
"""How many days the chart shows at most; of a longer test, evenly chosen ones."""

Report = dict[str, Json]


def make_report(
    connection: Connection, parts: int, number: int, comparison: Comparison, now: Micros, letters: Sequence[str] = ()
) -> Report:
    """Report on an experiment; ``letters`` are the variants that surely owe a message at once.

    Cost: five statements and some milliseconds, whatever the number of contacts; a chart adds some for every day.
    """
    stands = read_stands(connection, number)
    told: Report = {"experiment": str(number), "mode": comparison.mode, **_settings(comparison)}
    if stands is None:
        return {**told, "state": "waiting"}
    counts = read_counts(connection, parts, stands, comparison, now, letters)
    proof = _proof(stands, counts, comparison)
    pair = _pair(counts, proof)
    return {
        **told,
        "state": stands.state,
        "started_at": _instant(stands.started_at),
        "decided_at": _instant(stands.decided_at),
        "winner": stands.winner,
        "runner_up": stands.runner_up,
        "out": list(stands.out),
        "waits_for": list(waits_for(stands, counts, comparison)) if stands.state == "running" else [],
        "mature_until": _instant(counts.mature_until),
        "variants": _variants(stands, counts, comparison),
        "holdout": _holdout(counts, comparison),
        "split": _split(stands, counts),
        **proof,
        "pair": list(pair),
        "days": _days(counts, comparison, [counts.ways.index(way) for way in pair]),
        "decisions": [_decision(each) for each in decisions(connection, number)],
    }


def _settings(comparison: Comparison) -> Report:
    goal = comparison.goal
    return {
        "goal": None if goal is None else goal.event,
        "window_days": length_micros(comparison.window) / DAY,
        "alpha": comparison.alpha,
        "mde": comparison.mde,
        "cap_days": length_micros(comparison.cap) / DAY,
        "sample": comparison.sample,
        "size": comparison.size,
        "min_days": comparison.min_days,
        "min_per_variant": comparison.min_per_variant,
    }


def _split(stands: Stands, counts: Counts) -> Report:
    """Tell whether contacts are divided as drawn, and whether messages go out as they were divided."""
    found: Report = {"off": stands.split_off, "evidence": split_evidence(counts), "needed": alarms.SPLIT_IS_OFF}
    if len(counts.letters) < 2:
        return found
    went = dict(zip(counts.ways, counts.sent.sum(axis=0).tolist(), strict=True))
    sent: Report = {way: int(went[way]) for way in counts.letters}
    return {**found, "sent": sent, "sent_evidence": sent_evidence(counts)}


def _variants(stands: Stands, counts: Counts, comparison: Comparison) -> list[Json]:
    shown, won = counts.totals
    left = standing(counts, stands)
    chances = dict(zip(left, belief.best_chances(won[left].tolist(), shown[left].tolist()), strict=True))
    found: list[Json] = []
    for place, way in enumerate(counts.ways[: counts.variants]):
        row: Report = {
            "key": way,
            "share": counts.present.get(way, 0.0),
            "contacts": int(shown[place]),
            "conversions": int(won[place]),
            "rate": _rate(won[place], shown[place]),
            "young": int(counts.young[:, place].sum()),
            "best": chances.get(place, 0.0),
            "guardrails": _guardrails(counts, comparison, place),
        }
        if place:
            row |= _lift(counts, comparison, 0, place)
        found.append(row)
    return found


def _lift(counts: Counts, comparison: Comparison, first: int, second: int) -> Report:
    """Compare two ways: the ratio of their rates, and the difference in points at the first one's rate."""
    shown, won = counts.totals
    pair = [first, second]
    low, high = lift_interval(
        counts.won[:, pair], counts.shown[:, pair], comparison.alpha, counts.shares[:, pair], prior_of(comparison),
        max(2, counts.variants),
    )  # fmt: skip
    base = _rate(won[first], shown[first])
    points: Json = None
    if base is not None:
        points = [base * (low - 1), None if math.isinf(high) else min(1 - base, base * (high - 1))]
    shrunk = math.exp(belief.shrunk_lift(won[pair].tolist(), shown[pair].tolist()))
    return {"against": counts.ways[first], "ratio": [low, _finite(high)], "points": points, "odds": shrunk}


def _guardrails(counts: Counts, comparison: Comparison, place: int) -> list[Json]:
    shown, _ = counts.totals
    needed = alarms.harm_threshold(counts.variants, len(comparison.guardrails))
    return [
        {
            "event": watched.event,
            "contacts": int(counts.harmed[number][:, place].sum()),
            "rate": _rate(counts.harmed[number][:, place].sum(), shown[place]),
            "evidence": harm_evidence(counts, number, place) if place else 0.0,
            "needed": needed,
        }
        for number, watched in enumerate(comparison.guardrails)
    ]


def _holdout(counts: Counts, comparison: Comparison) -> Json:
    if HOLDOUT not in counts.ways:
        return None
    shown, won = counts.totals
    place = counts.ways.index(HOLDOUT)
    row: Report = {"contacts": int(shown[place]), "conversions": int(won[place])}
    lifts: list[Json] = [
        {"key": counts.ways[each], **_lift(counts, comparison, place, each)} for each in range(counts.variants)
    ]
    return {**row, "rate": _rate(won[place], shown[place]), "lifts": lifts}


def _proof(stands: Stands, counts: Counts, comparison: Comparison) -> Report:
    left = standing(counts, stands)
    if counts.variants < 2 or len(left) < 2 or not len(counts.days):
        return {"evidence": None, "outlook": None}
    found = matrix(counts, comparison)
    best = race.leader(found, left)
    rival = min((each for each in left if each != best), key=lambda each: float(found[each, best]))
    chance = race.p_value(found, left)
    needed = race.threshold(counts.variants, comparison.alpha)
    told: Report = {
        "leader": counts.ways[best],
        "rival": counts.ways[rival],
        "log_e": float(found[rival, best]),
        "needed": needed,
        "progress": min(1.0, max(0.0, float(found[rival, best]) / needed)),
        "p": chance,
        "one_in": None if chance >= 1 else round(1 / chance),
        **_lift(counts, comparison, rival, best),
    }
    return {"evidence": told, "outlook": _outlook(stands, counts, comparison) if stands.state == "running" else None}


def _outlook(stands: Stands, counts: Counts, comparison: Comparison) -> Json:
    ahead = look_ahead(stands, counts, comparison)
    shown, _ = counts.totals
    own = float(shown[: counts.variants].mean())
    past = max(1, counts.mature_until - stands.started_at) / DAY
    if not own or ahead.contacts >= NEVER / 2:
        return {"contacts": None, "days": None, "chance": ahead.chance}
    return {
        "contacts": round(ahead.contacts),
        "days": max(0.0, (ahead.contacts - own) / (own / past)),
        "chance": ahead.chance,
    }


def _pair(counts: Counts, proof: Report) -> tuple[str, ...]:
    """Choose whose lift is followed, the second over the first: of several variants the leader over its rival."""
    told = proof["evidence"]
    if counts.variants > 2 and isinstance(told, dict):
        return str(told["rival"]), str(told["leader"])
    return counts.ways[: min(2, counts.variants)]


def _days(counts: Counts, comparison: Comparison, pair: list[int]) -> list[Json]:
    """Follow the rates day by day, with the always-valid interval of a pair's lift."""
    days = sorted(set(counts.days))
    if len(days) > POINTS:
        days = [days[round(place)] for place in np.linspace(0, len(days) - 1, POINTS)]
    found: list[Json] = []
    for day in days:
        until = sum(each <= day for each in counts.days)
        shown, won = counts.shown[:until].sum(axis=0), counts.won[:until].sum(axis=0)
        if not shown.any():
            continue
        rates: Json = {way: _rate(won[place], shown[place]) for place, way in enumerate(counts.ways)}
        row: Report = {"day": format_instant(from_micros(day))[:10], "rates": rates}
        if len(pair) == 2:
            low, high = lift_interval(
                counts.won[:until, pair], counts.shown[:until, pair], comparison.alpha, counts.shares[:until, pair],
                prior_of(comparison), counts.variants,
            )  # fmt: skip
            row |= {"low": low, "high": _finite(high)}
        found.append(row)
    return found


def _decision(row: dict[str, Any]) -> Json:
    return {
        "at": _instant(row["at"]),
        "act": row["act"],
        "variant": row["variant"],
        "by": row["by"],
        "facts": row["facts"],
    }


def _rate(won: float, shown: float) -> float | None:
    return float(won) / float(shown) if shown else None


def _finite(value: float) -> float | None:
    return None if math.isinf(value) else value


def _instant(micros: Micros | None) -> str | None:
    return None if micros is None else format_instant(from_micros(micros))
