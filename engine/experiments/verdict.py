"""What follows from the counts: pure, one act at a time, the same however often it is asked."""

import math
from dataclasses import dataclass, field
from itertools import permutations
from typing import Final

import numpy as np

from engine.contract.comparison import Comparison
from engine.experiments.counts import Counts, Stands, base_shares
from engine.experiments.planned import planned_act
from engine.experiments.stats import alarms, belief, forecast, race
from engine.experiments.stats.interval import lift_interval
from engine.experiments.stats.pairs import Floats, Prior, pair_log_e
from engine.terms import DAY, Json, Micros, format_instant, from_micros, length_micros

LEAST_CONVERSIONS: Final = 10
WINNER_SHARE: Final = 0.95
WATCHED_FOR: Final = 14 * DAY
"""How long the runner-up keeps the rest of the traffic after a promotion, so that a mistake shows."""

TURNED: Final = math.log(20)
"""Evidence for the runner-up, from the promotion on, at which the promotion is taken back."""

HINTS: Final = {"message_opened": 0.30, "message_clicked": 0.03, "unsubscribed": 0.002}
HINT: Final = 0.02
FIRST_FUTILITY: Final = 0.25


@dataclass(frozen=True)
class Act:
    """Something that is to be done about an experiment, and why.

    ``shares`` are the weights from now on, None when they stay; ``state`` the state afterwards.
    """

    kind: str
    state: str
    variant: str | None = None
    runner_up: str | None = None
    shares: dict[str, float] | None = None
    looks: tuple[tuple[float, float, float], ...] | None = None
    facts: dict[str, Json] = field(default_factory=dict)


def prior_of(comparison: Comparison) -> Prior:
    """Give the prior of a comparison: a guess of the rate by the kind of the goal."""
    goal = comparison.goal.event if comparison.goal else ""
    return Prior(comparison.mde, HINTS.get(goal, HINT))


def matrix(counts: Counts, comparison: Comparison) -> Floats:
    """Give the evidence of every pair of variants."""
    own = slice(0, counts.variants)
    return race.evidence(counts.won[:, own], counts.shown[:, own], counts.shares[:, own], prior_of(comparison))


def split_evidence(counts: Counts) -> float:
    """Give the evidence that contacts are not divided as drawn, over all shares that were in force."""
    pairs = zip(counts.assigned, counts.assigned_shares, strict=True)
    return float(sum(alarms.split_log_e(seen, shares) for seen, shares in pairs))


def sent_evidence(counts: Counts) -> float:
    """Give the evidence that messages of variants that owe one at once do not go out as contacts were divided."""
    own = [counts.ways.index(way) for way in counts.letters]
    if len(own) < 2:
        return 0.0
    pairs = zip(counts.sent[:, own], counts.assigned_shares[:, own], strict=True)
    return float(sum(alarms.split_log_e(seen, shares) for seen, shares in pairs if shares.sum()))


def harm_evidence(counts: Counts, guardrail: int, variant: int) -> float:
    """Give the evidence that a guardrail's event is more frequent with a variant than with the first one."""
    pair = [0, variant]
    return alarms.harm_log_e(counts.harmed[guardrail][:, pair], counts.shown[:, pair], counts.shares[:, pair])


def standing(counts: Counts, stands: Stands) -> list[int]:
    """List the variants that are neither dropped nor paused."""
    return [place for place, way in enumerate(counts.ways[: counts.variants]) if way not in stands.out]


def next_act(stands: Stands, counts: Counts, comparison: Comparison, now: Micros) -> Act | None:
    """Say what is to be done now, if anything; after it is done, ask again."""
    if stands.state == "promoted":
        return _after_promotion(stands, counts, comparison, now)
    if stands.state != "running":
        return None
    return _alarm(stands, counts, comparison) or _decision(stands, counts, comparison, now)


def waits_for(stands: Stands, counts: Counts, comparison: Comparison) -> list[str]:
    """Name what is still missing before a winner may be named: a goal, days, contacts.

    Shape: of ``variants``, ``goal``, ``off``, ``split``, ``days``, ``contacts``, ``conversions``.
    """
    shown, won = counts.totals
    left = standing(counts, stands)
    missing = [
        ("variants", counts.variants < 2),
        ("goal", comparison.goal is None),
        ("off", comparison.mode == "off"),
        ("split", stands.split_off),
        ("days", counts.mature_until - stands.started_at < comparison.min_days * DAY),
        ("contacts", bool(left) and min(shown[left]) < comparison.min_per_variant),
        ("conversions", float(won[left].sum()) < LEAST_CONVERSIONS),
    ]
    return [name for name, lacks in missing if lacks]


def _alarm(stands: Stands, counts: Counts, comparison: Comparison) -> Act | None:
    evidence = split_evidence(counts)
    if not stands.split_off and evidence >= alarms.SPLIT_IS_OFF:
        seen: Json = dict(zip(counts.ways, counts.assigned.sum(axis=0).tolist(), strict=True))
        return Act("split_off", stands.state, facts={"evidence": evidence, "assigned": seen})
    evidence = sent_evidence(counts)
    if not stands.split_off and evidence >= alarms.SPLIT_IS_OFF:
        went: Json = dict(zip(counts.ways, counts.sent.sum(axis=0).tolist(), strict=True))
        return Act("split_off", stands.state, facts={"evidence": evidence, "sent": went})
    for variant in standing(counts, stands):
        harm = _harm_of(counts, comparison, variant)
        if harm is not None:
            way = counts.ways[variant]
            left = base_shares(comparison, (*stands.out, way))
            state = "harmed" if sum(weight > 0 for weight in left.values()) < 2 else stands.state
            return Act("paused", state, way, shares=left, facts=harm | told(counts))
    return None


def _harm_of(counts: Counts, comparison: Comparison, variant: int) -> dict[str, Json] | None:
    """Tell which guardrail's event is proven to be more frequent with a variant than with the first one."""
    needed = alarms.harm_threshold(counts.variants, len(comparison.guardrails))
    for guardrail, watched in enumerate(comparison.guardrails if variant else ()):
        found = harm_evidence(counts, guardrail, variant)
        if found >= needed:
            return {"evidence": found, "needed": needed, "guardrail": watched.event}
    return None


def _decision(stands: Stands, counts: Counts, comparison: Comparison, now: Micros) -> Act | None:
    missing = waits_for(stands, counts, comparison)
    if not {"variants", "goal", "off", "split"} & set(missing):
        if not missing:
            act = _proof(stands, counts, comparison) or _tie(stands, counts, comparison)
            if act is not None:
                return act
        if now >= stands.started_at + length_micros(comparison.cap) and comparison.mode != "planned":
            return Act("unproven", "unproven", facts=told(counts) | {"cap_days": comparison.cap.days})
        if not missing and (act := _futility(stands, counts, comparison, now)) is not None:
            return act
    return _earned(stands, counts, comparison, now)


def _proof(stands: Stands, counts: Counts, comparison: Comparison) -> Act | None:
    left = standing(counts, stands)
    found = matrix(counts, comparison)
    needed = race.threshold(counts.variants, comparison.alpha)
    if comparison.mode == "planned":
        planned = planned_act(stands, counts, comparison, left)
        if planned is None:
            return None
        looks, chosen = planned
        if chosen is None:
            over = looks[-1][0] >= 1
            kind = "unproven" if over else "looked"
            return Act(kind, "unproven" if over else stands.state, looks=looks, facts=told(counts))
        rival = min((each for each in left if each != chosen), key=lambda each: found[each, chosen])
        return _promotion(counts, comparison, found, chosen, rival, looks)
    _, won = counts.totals
    few = np.add.outer(won, won)[: counts.variants, : counts.variants] < LEAST_CONVERSIONS
    gone = race.dropped(np.where(few, -np.inf, found), left, needed)
    if not gone:
        return None
    rest = [each for each in left if each != gone[0]]
    if len(rest) == 1:
        return _promotion(counts, comparison, found, rest[0], gone[0])
    way = counts.ways[gone[0]]
    facts: dict[str, Json] = {"evidence": float(max(found[gone[0], rest])), "needed": needed, "alpha": comparison.alpha}
    shares = base_shares(comparison, (*stands.out, way))
    return Act("dropped", stands.state, way, shares=shares, facts=facts | told(counts))


def _promotion(
    counts: Counts,
    comparison: Comparison,
    found: Floats,
    winner: int,
    rival: int,
    looks: tuple[tuple[float, float, float], ...] | None = None,
) -> Act:
    pair = [rival, winner]
    low, high = lift_interval(
        counts.won[:, pair], counts.shown[:, pair], comparison.alpha, counts.shares[:, pair], prior_of(comparison),
        counts.variants,
    )  # fmt: skip
    shares = dict.fromkeys(comparison.variants, 0.0)
    shares |= {counts.ways[winner]: WINNER_SHARE, counts.ways[rival]: 1 - WINNER_SHARE}
    facts: dict[str, Json] = {
        "evidence": float(found[rival, winner]),
        "needed": race.threshold(counts.variants, comparison.alpha),
        "alpha": comparison.alpha,
        "mode": comparison.mode,
        "ratio": [low, None if math.isinf(high) else high],
    }
    names = counts.ways[winner], counts.ways[rival]
    return Act("promoted", "promoted", *names, shares=shares, looks=looks, facts=facts | told(counts))


def _tie(stands: Stands, counts: Counts, comparison: Comparison) -> Act | None:
    """Find that no difference is worth having: each variant is proven to be hardly worse than each other one."""
    if comparison.mode == "planned":
        return None
    needed, hardly = race.threshold(counts.variants, comparison.alpha), 1 / (1 + comparison.mde)
    for pair in permutations(standing(counts, stands), 2):
        both = list(pair)
        found = pair_log_e(
            counts.won[:, both], counts.shown[:, both], counts.shares[:, both], hardly, prior_of(comparison)
        )
        if found < needed:
            return None
    return Act("no_difference", "no_difference", facts=told(counts) | {"mde": comparison.mde})


def _futility(stands: Stands, counts: Counts, comparison: Comparison, now: Micros) -> Act | None:
    elapsed, whole = now - stands.started_at, length_micros(comparison.cap)
    if comparison.mode == "planned" or elapsed < max(FIRST_FUTILITY * whole, 7 * DAY):
        return None
    ahead = look_ahead(stands, counts, comparison)
    if not ahead.futile:
        return None
    return Act("futile", "futile", facts=told(counts) | {"chance": ahead.chance})


def look_ahead(stands: Stands, counts: Counts, comparison: Comparison) -> forecast.Outlook:
    """Say how many contacts the decision between the two leading variants will need, at the present rates."""
    found = matrix(counts, comparison)
    left = standing(counts, stands)
    best = race.leader(found, left)
    rivals = [each for each in left if each != best] or [best]
    rival = min(rivals, key=lambda each: found[each, best])
    shown, won = counts.totals
    past = max(1, counts.mature_until - stands.started_at)
    grown = max(1.0, (length_micros(comparison.cap) - length_micros(comparison.window)) / past)
    return forecast.outlook(
        [won[rival], won[best]],
        [shown[rival], shown[best]],
        needed=race.threshold(counts.variants, comparison.alpha),
        mde=comparison.mde,
        cap=float(max(shown[rival], shown[best])) * grown,
    )


def _earned(stands: Stands, counts: Counts, comparison: Comparison, now: Micros) -> Act | None:
    """Once a day, let traffic follow what is believed; only mature counts are looked at."""
    if comparison.mode != "earn" or comparison.goal is None or now // DAY == stands.shares_since // DAY:
        return None
    left = standing(counts, stands)
    shown, won = counts.totals
    if not shown[left].any():
        return None
    earned = belief.earned_weights(won[left].tolist(), shown[left].tolist())
    shares = dict.fromkeys(comparison.variants, 0.0)
    shares |= {counts.ways[place]: round(weight, 4) for place, weight in zip(left, earned, strict=True)}
    return Act("earned", stands.state, shares=shares, facts=told(counts))


def _after_promotion(stands: Stands, counts: Counts, comparison: Comparison, now: Micros) -> Act | None:
    winner, other = (counts.ways.index(str(each)) for each in (stands.winner, stands.runner_up))
    pair, later = [winner, other], counts.since(stands.epoch)
    turned = float(
        pair_log_e(
            counts.won[later][:, pair], counts.shown[later][:, pair], counts.shares[later][:, pair],
            prior=prior_of(comparison),
        )
    )  # fmt: skip
    facts: dict[str, Json] = {"evidence": turned, "needed": TURNED}
    harm = _harm_of(counts, comparison, winner)
    if turned >= TURNED or harm is not None:
        shares = base_shares(comparison, stands.out if harm is None else (*stands.out, counts.ways[winner]))
        facts |= harm or {}
        return Act("rolled_back", "rolled_back", stands.winner, shares=shares, facts=facts | told(counts))
    if now >= int(stands.decided_at or now) + WATCHED_FOR:
        shares = dict.fromkeys(comparison.variants, 0.0) | {str(stands.winner): 1.0}
        return Act("settled", "settled", stands.winner, stands.runner_up, shares=shares, facts=facts)
    return None


def told(counts: Counts) -> dict[str, Json]:
    """Give the counts for the record."""
    shown, won = counts.totals
    both: Json = {way: [int(won[place]), int(shown[place])] for place, way in enumerate(counts.ways)}
    return {"counts": both, "mature_until": format_instant(from_micros(counts.mature_until))}
