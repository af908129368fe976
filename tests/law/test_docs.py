"""Everything public says what it does, in a first line of one sentence."""

import ast
from collections.abc import Iterator

from tests.law.sources import PRODUCT, Source, python, source

Public = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def test_everything_public_has_a_docstring() -> None:
    assert [place for each in python(*PRODUCT) for place in _silent(each)] == []


def test_first_lines_are_sentences() -> None:
    assert [place for each in python(*PRODUCT) for place in _broken(each)] == []


def test_silence_is_seen() -> None:
    assert _silent(source("class A:\n    def f(self): ...\n    def _g(self): ...\n")) == [
        "engine/planted.py:1",
        "engine/planted.py:1 A",
        "engine/planted.py:2 f",
    ]
    assert _broken(source('"""Say something\n\nand more."""\n')) == ["engine/planted.py:1"]


def _silent(each: Source) -> list[str]:
    missing = [] if not each.text.strip() or ast.get_docstring(each.tree) else [f"{each.path}:1"]
    return missing + [
        f"{each.path}:{node.lineno} {node.name}"
        for node in _public(each)
        if not ast.get_docstring(node) and not _is_inherited(node, each)
    ]


def _broken(each: Source) -> list[str]:
    documented: list[ast.Module | Public] = [each.tree, *_public(each)]
    wrong = []
    for node in documented:
        first = (ast.get_docstring(node) or ".").splitlines()[0]
        if first[-1] not in ".:?!…":
            wrong.append(f"{each.path}:{getattr(node, 'lineno', 1)}")
    return wrong


def _public(each: Source) -> Iterator[Public]:
    def inside(body: list[ast.stmt]) -> Iterator[Public]:
        for node in body:
            if isinstance(node, Public) and not node.name.startswith("_"):
                yield node
                if isinstance(node, ast.ClassDef):
                    yield from inside(node.body)

    return inside(each.tree.body)


def _is_inherited(node: Public, each: Source) -> bool:
    # A node type's summary and run are documented where they are declared; so is what Alembic calls.
    return not isinstance(node, ast.ClassDef) and each.path.startswith(("nodes/", "engine/store/migrations/versions/"))
