"""Small cases with journals written by hand from the format's page; data in ``cases/``, one file each.

A journal line is written ``AT CONTACT/N NODE PORT``, ``AT CONTACT/N NODE message sent``, ``AT CONTACT/N NODE message
suppressed REASON`` or ``AT CONTACT/N end REASON``; `` @FLOW`` follows when it is not the first flow's.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.model.case import Case
from tests.model.facts import Json

FOLDER = Path(__file__).parent / "cases"


@dataclass
class Example:
    """A case, the line of the format that it pins down, and what must come of it."""

    case: Case
    pins: str
    journal: list[Json]


def load(path: Path) -> Example:
    raw = json.loads(path.read_text(encoding="utf-8"))
    lines = [read_line(line) for line in raw.pop("journal")]
    pins = raw.pop("pins")
    return Example(Case(**raw), pins, lines)


def paths() -> list[Path]:
    return sorted(FOLDER.glob("*.json"))


def read_line(text: str) -> Json:
    """Make a journal line of its short form."""
    text, _, flow = text.partition(" @")
    at, who, *rest = text.split(" ")
    contact, _, number = who.rpartition("/")
    line: Json = {"at": at, "contact": contact, "enrollment": int(number)}
    match rest:
        case ["end", reason]:
            line["end"] = reason
        case [node, "message", outcome, *reason]:
            line |= {"node": node, "message": outcome} | ({"reason": reason[0]} if reason else {})
        case [node, port]:
            line |= {"node": node, "port": port}
        case _:
            raise ValueError(text)
    return line | ({"flow": flow} if flow else {})


def write_line(line: Json) -> str:
    """Make the short form of a journal line."""
    head = f"{line['at']} {line['contact']}/{line['enrollment']}"
    if "end" in line:
        rest = f"end {line['end']}"
    elif "message" in line:
        rest = " ".join(str(line[name]) for name in ("node",) if name in line) + f" message {line['message']}"
        rest += f" {line['reason']}" if "reason" in line else ""
    else:
        rest = f"{line['node']} {line['port']}"
    return f"{head} {rest}" + (f" @{line['flow']}" if "flow" in line else "")
