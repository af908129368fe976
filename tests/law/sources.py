"""The files that the laws look at, and their syntax trees."""

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("app.py", "designer", "engine", "nodes")
OUTSIDE = {
    ".git",
    ".hypothesis",
    ".import_linter_cache",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    "__pycache__",
    "build",
    "dist",
    "node_modules",
    "vendor",
}
"""Folders that are made, not written."""


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Parse it."""
        return ast.parse(self.text, self.path)

    @cached_property
    def names(self) -> dict[str, str]:
        """What the file's imports call what."""
        return imported(self.tree)


def files(*places: str, endings: tuple[str, ...] = ()) -> Iterator[Path]:
    """Walk the files under the places (all of the tree if none), passing over what is made."""
    for place in places or (".",):
        start = ROOT / place
        for path in [start] if start.is_file() else _walk(start):
            if not endings or path.suffix in endings:
                yield path


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - OUTSIDE)
        yield from (Path(place) / name for name in sorted(names))


@lru_cache
def python(*places: str) -> tuple[Source, ...]:
    """Read the Python files under the places."""
    return tuple(_read(path) for path in files(*places, endings=(".py",)))


@cache
def _read(path: Path) -> Source:
    """Read a file once for all laws, so that it is parsed once too."""
    return Source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


def source(text: str, path: str = "engine/planted.py") -> Source:
    """Make a source to plant a violation in."""
    return Source(path, text)


def words_of(name: str) -> list[str]:
    """Split a name into its words, lower-case: ``parseHTMLText`` and ``PARSE_HTML_TEXT`` alike."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", name)]


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    """Write what an expression names in full, ``datetime.datetime.now``, by the file's imports; else nothing."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        base = dotted(node.value, names)
        return f"{base}.{node.attr}" if base else ""
    return ""


def imported(tree: ast.Module) -> dict[str, str]:
    """Say for each imported name what it stands for in full."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                names[each.asname or each.name.split(".")[0]] = each.name if each.asname else each.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                names[each.asname or each.name] = f"{node.module}.{each.name}"
    return names
