"""Hold the engine against the interpreter, and tell a difference so that it can be understood and repeated."""

import difflib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.model.case import Case, canonical
from tests.model.examples import write_line
from tests.model.facts import Json
from tests.model.shrink import shrink

Play: TypeAlias = Callable[[Case], list[Json]]
"""Play a case somehow and give its journal."""

ATTEMPTS = 150
"""How many smaller cases are tried before a difference is told."""


@dataclass
class Difference:
    """What came instead of what was expected; ``fault`` names an exception if there was one."""

    case: Case
    expected: list[str]
    came: list[str]
    fault: str = ""

    @property
    def kind(self) -> str:
        return self.fault or "journal"

    def tell(self) -> str:
        """Write everything that is needed to understand it, with the case's file."""
        diff = difflib.unified_diff(self.expected, self.came, "interpreter", "engine", lineterm="", n=6)
        flows = [compact(flow) for flow in self.case.flows]
        people = [json.dumps(contact, ensure_ascii=False) for contact in self.case.contacts]
        events = [json.dumps(event, ensure_ascii=False) for event in self.case.events]
        segments = [json.dumps(self.case.segments, ensure_ascii=False)] if self.case.segments else []
        file = save(self.case)
        head = f"{self.case.name}: the engine and the interpreter differ. {self.fault}"
        again = f"again: .venv/bin/python -m tests.model.long --case {file}"
        start = f"start {self.case.start}, {self.case.days} days"
        return "\n".join([head, again, start, *flows, *segments, *people, *events, *diff])


def compact(flow: Json) -> str:
    """Write a flow with one line per node and edge."""
    lines = [f"flow {flow['key']}: {json.dumps(flow.get('settings', {}), ensure_ascii=False)}"]
    lines += [f"  {n['id']} {n['type']} {json.dumps(n.get('config', {}), ensure_ascii=False)}" for n in flow["nodes"]]
    lines += [f"  {e['from']}.{e.get('port', 'out')} -> {e['to']}" for e in flow["edges"]]
    return "\n".join(lines)


def save(case: Case) -> Path:
    folder = Path(tempfile.gettempdir()) / "dripline-model"
    folder.mkdir(exist_ok=True)
    file = folder / f"{case.name.replace(' ', '-') or 'case'}.json"
    case.save(file)
    return file


def difference(case: Case, play: Play) -> Difference | None:
    """Play a case both ways; nothing when the journals are equal, line for line."""
    expected = [write_line(line) for line in canonical(case.expected(), case.contacts)]
    try:
        came = [write_line(line) for line in canonical(play(case), case.contacts)]
    except Exception as fault:  # noqa: BLE001 - any fault of the engine is a finding
        return Difference(case, expected, [], f"{type(fault).__name__}: {fault}")
    return None if came == expected else Difference(case, expected, came)


def smallest(found: Difference, play: Play, attempts: int = ATTEMPTS) -> Difference:
    """Make the case of a difference as small as some attempts allow."""
    best = found

    def still_differs(case: Case) -> bool:
        nonlocal best
        other = difference(case, play)
        if other is None or other.kind.split(":")[0] != found.kind.split(":")[0]:
            return False
        best = other
        return True

    shrink(found.case, still_differs, attempts)
    return best
