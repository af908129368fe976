"""The table of the format's lines names tests that are there, and every hand-written journal."""

import re
from functools import lru_cache

from tests.law.sources import ROOT

PAGE = (ROOT / "docs" / "tests.md").read_text(encoding="utf-8")
CASES = {path.stem for path in (ROOT / "tests" / "model" / "cases").glob("*.json")}
ROW = re.compile(r"^\|[^|\n]*\|([^|\n]*)\|$", re.M)


def test_everything_named_is_there() -> None:
    assert {name for name in _named(PAGE) if not _is_there(name)} == set()


def test_every_case_is_named() -> None:
    assert CASES - _named(PAGE) == set()


def test_no_line_is_without_a_test() -> None:
    rows = [row for row in PAGE.splitlines() if row.startswith("| ") and not row.startswith("| the format says")]
    assert [row for row in rows if not _named(row)] == []


def test_what_is_not_there_is_seen() -> None:
    row = (
        "| a `line` | `wait_delay`, `no_such_case`, `graph/test_order.py::test_no_such`, `graph/test_none.py::test_x` |"
    )
    missing = {"no_such_case", "graph/test_order.py::test_no_such", "graph/test_none.py::test_x"}
    assert {name for name in _named(row) if not _is_there(name)} == missing


def _named(text: str) -> set[str]:
    """Collect the names in the last column."""
    return {name for column in ROW.findall(text) for name in re.findall(r"`([^`]+)`", column)}


def _is_there(name: str) -> bool:
    path, _, test = name.partition("::")
    return f"def {test}(" in _text(path) if test else name in CASES


@lru_cache
def _text(path: str) -> str:
    file = ROOT / "tests" / path
    return file.read_text(encoding="utf-8") if file.is_file() else ""
