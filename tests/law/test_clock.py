"""One clock, handed down: nobody else reads the time, and no test waits for it."""

import ast

import pytest

from tests.law.sources import PRODUCT, Source, dotted, python, source

READS = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "sqlalchemy.func.current_timestamp",
    "sqlalchemy.func.now",
    "time.ctime",
    "time.gmtime",
    "time.localtime",
    "time.time",
    "time.time_ns",
}
WAITS = {"time.sleep"}
CLOCK = "engine/clock.py"


def test_only_the_clock_reads_the_time() -> None:
    places = [each for each in python(*PRODUCT, "tests") if each.path != CLOCK]
    assert [found for each in places for found in _named(each, READS)] == []


def test_the_clock_reads_the_time() -> None:
    (clock,) = python(CLOCK)
    assert _named(clock, READS) != []


def test_nobody_sleeps() -> None:
    assert [found for each in python(*PRODUCT, "tests") for found in _named(each, WAITS)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime as dt, UTC\ndt.now(UTC)",
        "import time as t\nread = t.time",
        "from sqlalchemy import func\nfunc.now()",
        "import sqlalchemy as sa\nsa.func.now()",
        "from time import time_ns\ntime_ns()",
    ],
)
def test_reading_the_time_is_seen(text: str) -> None:
    assert _named(source(text), READS) != []


@pytest.mark.parametrize("text", ["import time\ntime.sleep(1)", "from time import sleep as rest\nrest(0.1)"])
def test_sleeping_is_seen(text: str) -> None:
    assert _named(source(text), WAITS) != []


def test_a_clock_that_was_handed_down_is_free() -> None:
    assert _named(source("def f(clock):\n    return clock.now()"), READS) == []


def _named(each: Source, forbidden: set[str]) -> list[str]:
    ends = {name.rpartition(".")[2] for name in forbidden}
    if not any(end in each.text for end in ends):
        # Most files need not be read closely.
        return []
    found = []
    for node in ast.walk(each.tree):
        if isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and node.attr in ends):
            name = dotted(node, each.names)
            if name in forbidden:
                found.append(f"{each.path}:{node.lineno} {name}")
    return found
