"""Everything public says what it does, in a first line that is a sentence; a method may inherit what its base says."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache

from tests.law.sources import PRODUCT, Source, python, source

Public = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
MIGRATIONS = "engine/store/migrations/versions/"


def test_everything_public_has_a_docstring() -> None:
    assert [place for each in python(*PRODUCT) for place in _silent(each, _documented(python(*PRODUCT)))] == []


def test_first_lines_are_sentences() -> None:
    assert [place for each in python(*PRODUCT) for place in _broken(each)] == []


def test_silence_is_seen() -> None:
    quiet = source("class A:\n    def f(self): ...\n    def _g(self): ...\n")
    assert _silent(quiet, {}) == ["engine/planted.py:1", "engine/planted.py:1 A", "engine/planted.py:2 f"]
    assert _broken(source('"""Say something\n\nand more."""\n')) == ["engine/planted.py:1"]


def test_methods_inherit_their_words_from_named_bases_only() -> None:
    spoken = source(
        'class Base:\n    def f(self):\n        """Speak."""\n    def g(self): ...\nclass Middle(Base): ...\n'
    )
    heirs = source('"""Say."""\nclass A(Middle[int]):\n    """Say."""\n    def f(self): ...\n    def g(self): ...\n')
    strange = source('"""Say."""\nclass A(Other):\n    """Say."""\n    def f(self): ...\n')
    assert _silent(heirs, _documented((spoken, heirs))) == ["engine/planted.py:5 g"]
    assert _silent(strange, _documented((spoken, strange))) == ["engine/planted.py:4 f"]


def _silent(each: Source, documented: dict[str, set[str]]) -> list[str]:
    missing = [] if not each.text.strip() or ast.get_docstring(each.tree) else [f"{each.path}:1"]
    for owner, node in _public(each.tree.body):
        inherited = owner is not None and node.name in _spoken(owner, documented)
        # Alembic knows two functions by their names.
        if not ast.get_docstring(node) and not inherited and not each.path.startswith(MIGRATIONS):
            missing.append(f"{each.path}:{node.lineno} {node.name}")
    return missing


def _broken(each: Source) -> list[str]:
    nodes: list[ast.Module | Public] = [each.tree, *(node for _, node in _public(each.tree.body))]
    firsts = [((ast.get_docstring(node) or ".").splitlines()[0], node) for node in nodes]
    return [f"{each.path}:{getattr(node, 'lineno', 1)}" for first, node in firsts if first[-1] not in ".:?!…"]


def _public(
    body: Iterable[ast.stmt], owner: ast.ClassDef | None = None
) -> Iterator[tuple[ast.ClassDef | None, Public]]:
    for node in body:
        if isinstance(node, Public) and not node.name.startswith("_"):
            yield owner, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body, node)


@lru_cache
def _documented(sources: tuple[Source, ...]) -> dict[str, set[str]]:
    """Say for each class, by its name, which methods it or its bases document."""
    spoken: dict[str, set[str]] = defaultdict(set)
    bases: dict[str, set[str]] = defaultdict(set)
    for node in (node for each in sources for node in ast.walk(each.tree) if isinstance(node, ast.ClassDef)):
        bases[node.name] |= set(_bases(node))
        spoken[node.name] |= {method.name for _, method in _public(node.body) if ast.get_docstring(method)}
    changed = True
    while changed:
        changed = False
        for name, parents in bases.items():
            more = set[str]().union(*(spoken[parent] for parent in parents if parent in bases)) - spoken[name]
            spoken[name] |= more
            changed = changed or bool(more)
    return dict(spoken)


def _spoken(owner: ast.ClassDef, documented: dict[str, set[str]]) -> set[str]:
    return set[str]().union(*(documented.get(base, set()) for base in _bases(owner)))


def _bases(node: ast.ClassDef) -> Iterator[str]:
    for base in node.bases:
        named = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(named, ast.Name | ast.Attribute):
            yield named.id if isinstance(named, ast.Name) else named.attr
