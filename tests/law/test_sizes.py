"""No file over 500 lines, functions near 30 at the ninetieth percentile, no module that could hold anything."""

import ast

from tests.law.sources import PRODUCT, ROOT, Source, files, python, source

LINES = 500
FUNCTION_LINES = 30
MIGRATIONS = "/migrations/versions/"
"""What Alembic writes is as long as the tables are many."""

VAGUE = {"base_utils", "common", "helper", "helpers", "manager", "misc", "util", "utils"}


def test_no_file_is_longer_than_allowed() -> None:
    endings = (".css", ".html", ".js", ".mako", ".py", ".sh", ".toml")
    written = (path for path in files(endings=endings) if MIGRATIONS not in str(path))
    lengths = {str(path.relative_to(ROOT)): _lines(path.read_text(encoding="utf-8")) for path in written}
    assert len(lengths) > 20
    assert {name: lines for name, lines in lengths.items() if lines > LINES} == {}


def test_a_long_file_is_seen() -> None:
    assert _lines("x\n" * 501) > LINES
    assert _lines("x\n" * 499 + "x") == LINES


def test_functions_are_short() -> None:
    lengths = sorted(length for each in python(*PRODUCT) for length in _functions(each))
    assert lengths[len(lengths) * 9 // 10] <= FUNCTION_LINES


def test_long_functions_are_seen() -> None:
    assert _functions(source("def f():\n" + "    x = 1\n" * 40 + "class A:\n    async def g(self): ...\n")) == [41, 1]


def test_every_module_says_what_it_is_for() -> None:
    names = {part for each in python() for part in each.path.removesuffix(".py").split("/")}
    assert names & VAGUE == set()


def _lines(text: str) -> int:
    return len(text.splitlines())


def _functions(each: Source) -> list[int]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(node.end_lineno or 0) - node.lineno + 1 for node in ast.walk(each.tree) if isinstance(node, kinds)]
