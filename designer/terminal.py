"""The door for people at a terminal: what commands say, in words or as JSON, and how long work goes on.

What is said goes to standard output; what is noted beside it, and progress, to standard error.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NoReturn, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.contract.findings import Finding, Level
from engine.errors import EngineError

OUT: Final = Console(highlight=False, soft_wrap=True)
ERR: Final = Console(stderr=True, highlight=False, soft_wrap=True)

SIGNS: Final = {"well": "ok   ", "warning": "look ", "wrong": "WRONG", "database": "WRONG"}


def say(text: str) -> None:
    """Write a line of what was asked for."""
    OUT.print(text, markup=False)


def note(text: str) -> None:
    """Write a line beside what was asked for."""
    ERR.print(text, markup=False)


def say_json(value: Any) -> None:
    """Write JSON, with the letters of all languages as they are."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def say_lines(lines: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON objects, one a line."""
    sys.stdout.writelines(f"{line(each)}\n" for each in lines)


def write_lines(file: Path | None, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON objects into a file, one a line; nothing where no file is named."""
    if file is not None:
        with file.open("w", encoding="utf-8") as opened:
            opened.writelines(f"{line(each)}\n" for each in lines)


def line(value: Mapping[str, Any]) -> str:
    """Write a JSON object on one line, the same for the same."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def say_table(rows: Sequence[Mapping[str, Any]], nothing: str = "nothing") -> None:
    """Write rows of the same keys as a table."""
    if not rows:
        say(nothing)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, value in rows[0].items():
        is_number = isinstance(value, int) and not isinstance(value, bool)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    OUT.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def say_found(found: Iterable[Any]) -> None:
    """Write what the doctor found, one line each."""
    for each in found:
        say(f"{SIGNS[each.level]} {each.what}: {each.says}")


def tell(value: Any, as_json: bool, words: str) -> None:
    """Write JSON for programs, else a sentence."""
    if as_json:
        say_json(value)
    else:
        say(words)


def tell_rows(rows: Sequence[Mapping[str, Any]], as_json: bool, nothing: str = "nothing") -> None:
    """Write JSON for programs, else a table."""
    if as_json:
        say_json(rows)
    else:
        say_table(rows, nothing)


class Report(Protocol):
    """What became of a file: in a sentence, for programs, and line by line."""

    @property
    def refused(self) -> int:
        """How much was refused."""

    @property
    def words(self) -> str:
        """Say it in a sentence."""

    @property
    def problems(self) -> Sequence[Any]:
        """Lines with ``line``, ``level`` and ``reason``."""

    def as_json(self) -> dict[str, Any]:
        """Give it to programs."""


def take_file(
    file: Path, what: str, as_json: bool, take: Callable[[IO[bytes], Callable[[float], None]], Report]
) -> int:
    """Let a file, or standard input as ``-``, be taken over, and tell what became of it; give how much was refused."""
    is_pipe = str(file) == "-"
    with progress(what, None if is_pipe else file.stat().st_size) as told:
        if is_pipe:
            report = take(sys.stdin.buffer, told)
        else:
            with file.open("rb") as source:
                report = take(source, told)
    for each in () if as_json else report.problems:
        note(f"line {each.line}: {each.level}: {each.reason}")
    tell(report.as_json(), as_json, report.words)
    return report.refused


def written(finding: Finding) -> str:
    """Write a finding: ``path: what, and how to mend it``."""
    mend = f", {finding.mend}" if finding.mend else ""
    mark = "" if finding.level is Level.ERROR else " (warning)"
    return f"{finding.path or 'document'}: {finding.message}{mend}{mark}"


def as_facts(finding: Finding) -> dict[str, Any]:
    """Write a finding for programs."""
    return {
        "level": finding.level.value,
        "code": finding.code,
        "path": finding.path,
        "message": finding.message,
        "mend": finding.mend,
        "node": finding.node,
    }


def fail(fault: EngineError | str, code: int) -> NoReturn:
    """Say in one sentence what went wrong, list what is to be mended, and end with an exit code."""
    if isinstance(fault, EngineError):
        note(f"dripline: {fault.message}")
        for finding in getattr(fault, "findings", ()):
            if isinstance(finding, Finding):
                note(f"  {written(finding)}")
    else:
        note(f"dripline: {fault}")
    sys.exit(code)


def reason(fault: Exception) -> str:
    """Give the first line of a database's own words, without the name of its class."""
    words = str(fault).splitlines()[0]
    return words.split(") ", 1)[1] if words.startswith("(") and ") " in words else words


@contextmanager
def progress(what: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """Show on a terminal how far work has come; give the function that tells it."""
    if not ERR.is_terminal:
        yield lambda _: None
        return
    amount = TextColumn("{task.percentage:>3.0f}%") if total else MofNCompleteColumn()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), amount, TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def say_report(report: Mapping[str, Any]) -> None:
    """Write what a simulation showed."""
    enrollments, messages = report["enrollments"], report["messages"]
    ended = ", ".join(f"{count:,} {end}" for end, count in enrollments["ended"].items())
    say(f"{report['flow']}: {report['contacts']:,} contacts, {report['days']:g} days from {report['start']}")
    say(f"{enrollments['entered']:,} enrollments: {ended}, {enrollments['active']:,} on the way")
    most = messages["per_contact_and_day"]
    say(f"{messages['sent']:,} messages; at most {most['max']} a day to one contact (p99 {most['p99']})")
    for reason, count in messages["suppressed"].items():
        say(f"  {count:,} not sent: {reason}")
    rows = []
    for node in report["nodes"]:
        for place, (port, passed) in enumerate(node["ports"].items()):
            first = {"node": node["node"], "type": node["type"]} if place == 0 else {"node": "", "type": ""}
            rows.append({**first, "port": port, "passed": passed["passed"]})
    say_table(rows)
