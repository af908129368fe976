"""What experiments are said to be: states, what a decision waits for, what was done, and the sentence above it all."""

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from designer.language import Language, mark
from engine.api.standing import Glance
from engine.contract.comparison import HOLDOUT
from engine.terms import parse_instant

STATES: Final = {
    "waiting": mark("Nobody yet"),
    "running": mark("Collecting"),
    "promoted": mark("Winner promoted"),
    "settled": mark("Winner has all traffic"),
    "rolled_back": mark("Promotion taken back"),
    "no_difference": mark("No difference worth having"),
    "futile": mark("No winner in sight"),
    "unproven": mark("Unproven"),
    "harmed": mark("Stopped: guardrail"),
    "frozen": mark("Frozen"),
}
TONES: Final = {
    "running": "acc",
    "promoted": "ok",
    "settled": "ok",
    "rolled_back": "warn",
    "harmed": "err",
    "frozen": "warn",
}
MISSING: Final = {
    "variants": mark("There is only one variant; nothing is compared."),
    "goal": mark("The split has no goal; give it one and publish."),
    "off": mark("Promotion is off; the counts are only shown."),
    "split": mark("Contacts are not divided as drawn; results cannot be trusted."),
    "days": mark("Whole weeks must pass, for people act differently on different days: at least %(min_days)s days."),
    "contacts": mark("Each variant needs at least %(min_per_variant)s contacts whose %(window)s are over."),
    "conversions": mark("There must be at least 10 conversions."),
}
ACTS: Final = {
    "dropped": mark("%(variant)s was dropped: another one is proven better"),
    "promoted": mark("%(variant)s was promoted"),
    "settled": mark("%(variant)s got all traffic: two weeks have shown nothing else"),
    "rolled_back": mark("The promotion of %(variant)s was taken back: the other one turned out better"),
    "no_difference": mark("It was found that no difference is worth having"),
    "futile": mark("The test ended: a winner was most unlikely"),
    "unproven": mark("The time was over without a proof"),
    "paused": mark("%(variant)s was paused: it did harm"),
    "split_off": mark("Contacts were found not to be divided as drawn"),
    "earned": mark("Traffic followed the evidence"),
    "frozen": mark("Frozen by hand"),
    "thawed": mark("Going on, by hand"),
    "undone": mark("The promotion was taken back by hand"),
}
BETTER: Final = mark("%(leader)s is better than %(rival)s by %(low)s to %(high)s points.")
AT_LEAST: Final = mark("%(leader)s is better than %(rival)s by at least %(low)s points.")
AHEAD: Final = mark(
    "%(leader)s is ahead of %(rival)s, but that may be chance: the difference lies between %(low)s and %(high)s points."
)
NOTHING: Final = mark("Nothing can be said yet.")
PROMOTED: Final = mark("Promoted on %(at)s.")


IN_FRONT: Final = mark("%(variant)s leads")
EARLY: Final = mark("Too early")
OFF: Final = mark("Split is off")
CHIPS: Final = {"promoted": mark("%(variant)s promoted"), "settled": mark("%(variant)s has all traffic")}


def chip(seen: Glance, language: Language) -> str:
    """Say on a card how an experiment stands, and how many were given which variant."""
    first = (seen.first or "").upper()
    words = STATES[seen.state]
    if seen.off:
        words = OFF
    elif seen.state == "running":
        words = EARLY if seen.early or not first else IN_FRONT
    else:
        words = CHIPS.get(seen.state, words)
    apart = {HOLDOUT: language.say(mark("Holdout"))}
    counts = " · ".join(f"{apart.get(way, way.upper())} {language.count(n)}" for way, n in seen.shown.items())
    return f"{language.say(words, variant=first)} · {counts}"


def chip_tone(seen: Glance) -> str:
    """Give the colour of that."""
    return "err" if seen.off else TONES.get(seen.state, "")


def sentence(report: Mapping[str, Any], language: Language, zone: ZoneInfo) -> str:
    """Say in a sentence or two what a report shows."""
    said = _difference(report.get("evidence"), report, language)
    if report["state"] in ("promoted", "settled") and report.get("decided_at"):
        said += " " + language.say(PROMOTED, at=language.at(parse_instant(report["decided_at"]), zone))
    return said


def _difference(proof: Mapping[str, Any] | None, report: Mapping[str, Any], language: Language) -> str:
    if proof is None or proof["points"] is None:
        return language.say(NOTHING)
    low, high = proof["points"]
    names = {"leader": proof["leader"].upper(), "rival": proof["rival"].upper()}
    shown = {"low": _points(low, language), "high": "" if high is None else _points(high, language)}
    if proof["log_e"] >= proof["needed"] or report["winner"] is not None:
        return language.say(AT_LEAST if high is None else BETTER, **names, **shown)
    if high is None:
        return language.say(NOTHING)
    return language.say(AHEAD, **names, **shown)


def _points(share: float, language: Language) -> str:
    return language.count(round(share * 100, 2 if abs(share) < 0.01 else 1))


DIVIDED: Final = mark("Contacts are divided as drawn.")
NOT_DIVIDED: Final = mark("Contacts are not divided as drawn; nothing is promoted.")
SENT: Final = mark("Messages go out as contacts were divided: %(counts)s.")
NOT_SENT: Final = mark("Messages do not go out as contacts were divided: %(counts)s. Nothing is promoted.")
HARMLESS: Final = mark("%(event)s: no variant is proven to cause more of it.")
HARMFUL: Final = mark("%(event)s: %(variants)s is proven to cause more of it.")


def is_uneven(split: Mapping[str, Any], what: str = "evidence") -> bool:
    """Tell whether contacts, or with ``sent_evidence`` their messages, did not go out as they were drawn."""
    return bool(split.get(what, 0.0) >= split["needed"])


def checks(report: Mapping[str, Any], language: Language) -> list[tuple[str, str]]:
    """Say what the alarms found: division, messages, each guardrail; with the tone of it."""
    split = report["split"]
    told: list[tuple[str, str, dict[str, str]]] = [
        ("err", NOT_DIVIDED, {}) if is_uneven(split) else ("ok", DIVIDED, {})
    ]
    if "sent" in split:
        counts = {"counts": " · ".join(f"{way.upper()} {language.count(n)}" for way, n in split["sent"].items())}
        told.append(("err", NOT_SENT, counts) if is_uneven(split, "sent_evidence") else ("ok", SENT, counts))
    by_event: dict[str, list[str]] = {}
    for row in report["variants"]:
        for each in row["guardrails"]:
            harmed = [row["key"].upper()] if each["evidence"] >= each["needed"] else []
            by_event.setdefault(each["event"], []).extend(harmed)
    for event, variants in by_event.items():
        facts = {"event": event, "variants": ", ".join(variants)}
        told.append(("err", HARMFUL, facts) if variants else ("ok", HARMLESS, facts))
    return [(tone, language.say(words, **facts)) for tone, words, facts in told]


def missing(report: Mapping[str, Any], language: Language) -> list[str]:
    """Say what a decision still waits for."""
    window = language.length(round(report["window_days"] * 86_400))
    facts = {"min_days": report["min_days"], "min_per_variant": report["min_per_variant"], "window": window}
    return [language.say(MISSING[each], **facts) for each in report["waits_for"]]


def decided(report: Mapping[str, Any], language: Language, zone: ZoneInfo) -> list[tuple[str, str, str]]:
    """Say what was decided, the newest first: when, what, by whom."""
    told = []
    for each in reversed(report.get("decisions", ())):
        text, variant = ACTS[each["act"]], each["variant"] or ""
        when = language.at(parse_instant(each["at"]), zone)
        told.append((when, language.say(text, variant=variant.upper()), each["by"]))
    return told
