"""What the simulation tab shows: figures, a day line to scrub along, and contacts to follow step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from designer.canvas.pressure import Bars, charts
from designer.canvas.scene import edge_dom
from designer.language import Language, mark
from designer.named import HAPPENED, STATES
from engine.api.drawing import Sheet
from engine.api.reasons import Reason
from engine.api.trial_runs import Day, Followed, Tried
from engine.contract.node import Family
from engine.graph.model import Document
from engine.graph.sizes import ports_of
from engine.terms import Json, parse_instant


@dataclass(frozen=True)
class Figure:
    """One number of the result, and what it is for the live version."""

    words: str
    value: str
    live: str | None = None


@dataclass(frozen=True)
class Step:
    """One line of a contact's way: ``sign`` is the family of a step, ``event`` or ``end``."""

    when: str
    day: int
    sign: str
    title: str
    what: str
    node: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Walk:
    """A contact to follow: what they are called, what else is known of them, how many went the same way."""

    contact: str
    facts: str
    share: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Bar:
    """One day on the day line, in percent of the highest: still in the flow, sent."""

    number: int
    words: str
    active: float
    sent: float


@dataclass(frozen=True)
class View:
    """The whole result. ``days`` is for the script: per day what rests and what passed so far."""

    figures: tuple[Figure, ...]
    bars: tuple[Bar, ...]
    days: Sequence[Mapping[str, Any]]
    walks: tuple[Walk, ...]
    suppressed: tuple[tuple[str, str], ...]
    charts: tuple[Bars, ...] = ()


def view_of(
    draft: Tried,
    live: Tried | None,
    sheet: Sheet,
    language: Language,
    zone: ZoneInfo,
    cap: Mapping[str, Any] | None = None,
) -> View:
    """Put a result into words and numbers."""
    return View(
        _figures(draft, live, language),
        _bars(draft.days, language),
        _days(draft.days, language),
        tuple(_walk(each, draft, sheet.document, language, zone) for each in draft.samples),
        _suppressed(draft, language),
        charts(draft.pressure, cap, language, zone),
    )


FIGURES = (
    mark("entered"),
    mark("messages sent"),
    mark("most in a day"),
    mark("reached the goal"),
    mark("completed"),
    mark("left by the exit rule"),
    mark("still in it"),
)


def _figures(draft: Tried, live: Tried | None, language: Language) -> tuple[Figure, ...]:
    values = _values(draft)
    others = (None,) * len(values) if live is None else _values(live)
    return tuple(
        Figure(language.say(words), language.count(value), None if other is None else language.count(other))
        for words, value, other in zip(FIGURES, values, others, strict=True)
    )


def _values(tried: Tried) -> tuple[int, ...]:
    report = tried.report
    ends = report.ends
    most = max((day.sent for day in tried.days), default=0)
    sent = sum(day.sent for day in tried.days)
    return report.entered, sent, most, ends["goal"], ends["completed"], ends["exit"], report.active


def _suppressed(draft: Tried, language: Language) -> tuple[tuple[str, str], ...]:
    found = draft.report.messages.get("suppressed")
    reasons = found if isinstance(found, dict) else {}
    return tuple((reason, language.count(int(str(count)))) for reason, count in reasons.items())


def _bars(days: Sequence[Day], language: Language) -> tuple[Bar, ...]:
    most_active = max((day.active for day in days), default=0) or 1
    most_sent = max((day.sent for day in days), default=0) or 1
    return tuple(
        Bar(number, language.weekday(day.day), 100 * day.active / most_active, 100 * day.sent / most_sent)
        for number, day in enumerate(days)
    )


def _days(days: Sequence[Day], language: Language) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    passed: dict[str, int] = {}
    for day in days:
        for edge, count in day.passed.items():
            passed[edge_dom(*edge)] = passed.get(edge_dom(*edge), 0) + count
        found.append(
            {
                "words": _day_words(day, language),
                "resting": dict(day.resting),
                "passed": dict(passed),
            }
        )
    return found


def _day_words(day: Day, language: Language) -> str:
    facts = {"active": language.count(day.active), "sent": language.count(day.sent)}
    return f"{language.weekday(day.day)} · " + language.say(mark("%(active)s in the flow, %(sent)s sent"), **facts)


def _walk(sample: Followed, draft: Tried, document: Document | None, language: Language, zone: ZoneInfo) -> Walk:
    first = draft.start.astimezone(zone).date()
    steps = []
    for stride in sample.strides:
        told = _told(stride.line, document, language)
        if told is None:
            continue
        at = parse_instant(str(stride.line["at"]))
        day = (at.astimezone(zone).date() - first) // timedelta(days=1)
        node = str(stride.line.get("node") or stride.line.get("about") or "")
        steps.append(Step(language.at(at, zone), day, *told, node, stride.reasons))
    known = {key: value for key, value in sample.facts.attributes.items() if isinstance(value, str)}
    name = known.pop("name", sample.contact)
    return Walk(name, " · ".join([*known.values()][:KNOWN]), sample.share, tuple(steps))


KNOWN = 2
"""So many attributes of a sample contact are told."""

ENDS = {
    "completed": mark("Came to the end"),
    "goal": mark("Reached the goal"),
    "exit": mark("Left by the exit rule"),
}


def _told(line: Mapping[str, Json], document: Document | None, language: Language) -> tuple[str, str, str] | None:
    """Say what a line tells: its sign, what it is about, and what happened; nothing for what the next line tells."""
    if "end" in line:
        return "end", language.say(ENDS.get(str(line["end"]), str(line["end"]))), ""
    if "event" in line:
        name = str(line["event"])
        return "event", language.say(HAPPENED.get(name, name)), _title(line.get("about"), document, language)
    node = None if document is None else document.by_id.get(str(line["node"]))
    if node is None or document is None or node.node_type is None:
        return "end", str(line["node"]), ""
    family, title = node.node_type.family, _title(node.id, document, language)
    if "message" in line:
        reason = str(line.get("reason", ""))
        words = language.say(mark("Sent") if line["message"] == "sent" else STATES.get(reason, reason))
        return "message", title, words
    if family is Family.SEND:
        return None
    labels = {port.key: language.text(port.label) or port.key for port in ports_of(document, node)}
    port = str(line["port"])
    return family.value, title, "" if port == "out" else f"→ {labels.get(port, port)}"


def _title(node_id: Json, document: Document | None, language: Language) -> str:
    node = None if document is None else document.by_id.get(str(node_id))
    if node is None:
        return "" if node_id is None else str(node_id)
    return language.text(node.name) or (language.text(node.node_type.title) if node.node_type else node.type)
