"""Read from the source what may be wrong: every text of a fault that a page can show, as a pattern with facts."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeGuard

ROOT: Final = Path(__file__).resolve().parent.parent

CHECKING: Final = ("designer/rendering/grammar.py", "engine/contract", "engine/graph", "engine/rules", "nodes")
"""Rooms whose sentences are all about what is wrong."""

REFUSING: Final = (
    *("designer", "engine/access", "engine/api", "engine/channels", "engine/civil", "engine/experiments"),
    *("engine/library", "engine/people", "engine/run", "engine/segments", "engine/store"),
    *("engine/errors.py", "engine/terms.py", "engine/wiring.py"),
)
"""Rooms that refuse by raising a fault."""

ELSEWHERE: Final = (
    *("designer/access_commands.py", "designer/experiment_command.py", "designer/routes/ingest.py"),
    *("designer/terminal.py", "engine/api/documents.py", "engine/contract/conformance.py"),
    *("engine/contract/exercise.py", "engine/contract/imagined.py", "engine/contract/registry.py"),
    *("engine/contract/wording.py", "engine/graph/reference.py", "engine/graph/rule_schema.py"),
    *("engine/graph/schema.py", "engine/people/segment_api.py", "engine/rules/describe.py", "engine/rules/names.py"),
    *("engine/run/direct", "engine/store/migrate.py", "engine/store/migrations", "engine/store/session.py"),
)
"""What only programmers and the command line meet, and what has words in both languages itself."""

WORDED: Final = frozenset({"both", "describe", "mark", "_fill", "_joined"})
"""Calls whose words stand in both languages already."""

OF_MODELS: Final = frozenset({"title", "description", "examples", "default", "code", "summary", "aliases"})
"""Keywords, members and functions whose words come with the settings models, or are none."""

SENTENCE: Final = re.compile(r"[A-Za-z]{2,}[,;:]? [A-Za-z]{2,}|%\(\w\)s[,;]? [a-z]{2,}|[a-z]{2,}:? %\(\w\)s")
"""Two words at least; or one word and a fact."""

FAULTS: Final = re.compile(r"(Error|Found|Fault|Missing\w*|Exception|Refused|Outdated)$")
TABLES: Final = re.compile("REFUS|_TOO_|FAULTS")


def told() -> Iterator[tuple[str, str]]:
    """List the texts with the file that has them; facts in a text are written ``%(a)s``, ``%(b)s`` …."""
    rooms = (*((each, _checking) for each in CHECKING), *((each, _refusing) for each in REFUSING))
    for folder, read in rooms:
        place = ROOT / folder
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            name = str(file.relative_to(ROOT))
            if not any(name.startswith(each) for each in ELSEWHERE):
                for node in read(ast.parse(file.read_text("utf-8"))):
                    yield from ((text, name) for text in patterns(node) if SENTENCE.search(text))


def _checking(tree: ast.Module) -> Iterator[ast.expr]:
    """Find every text of a module but docstrings, words in both languages, and words of settings models."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if is_text(node):
            yield node
        elif not _is_skipped(node):
            waiting.extend(ast.iter_child_nodes(node))


def _is_skipped(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=called):
            return name_of(called) in WORDED
        case ast.keyword(arg=name) | ast.FunctionDef(name=name):
            return name in OF_MODELS
        case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
            return name_of(target) == "examples"
        case ast.Expr(value=ast.Constant()):
            return True
    return False


def _refusing(tree: ast.Module) -> Iterator[ast.expr]:
    """Find what is said by faults that a module makes, and by tables of refusals."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=called, args=[*_, last]) if FAULTS.search(name_of(called)):
                yield from _texts_in(last if name_of(called) == "HTTPException" else node.args[0])
            case ast.AnnAssign(target=target, value=ast.expr() as value) if TABLES.search(name_of(target)):
                yield from _texts_in(value)
            case ast.ClassDef(bases=bases, body=[ast.Expr(value=ast.Constant() as said), *_]):
                if any(name_of(base).endswith("Error") for base in bases):
                    yield said


def _texts_in(node: ast.expr) -> Iterator[ast.expr]:
    if is_text(node):
        yield node
    else:
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.expr):
                yield from _texts_in(inner)


def is_text(node: ast.AST) -> TypeGuard[ast.expr]:
    match node:
        case ast.JoinedStr() | ast.Constant(value=str()) | ast.BinOp(left=ast.Constant(value=str()), op=ast.Add()):
            return True
    return False


def patterns(node: ast.expr) -> list[str]:
    """Write a text as patterns: one, or one for each word that an expression in it chooses."""
    if isinstance(node, ast.Constant):
        return [str(node.value).strip()]
    made, names = [""], iter("abcdefgh")
    for part in [node.left, node.right] if isinstance(node, ast.BinOp) else getattr(node, "values", ()):
        match part:
            case ast.Constant(value=value):
                made = [text + str(value).replace("%", "%%") for text in made]
            case ast.FormattedValue(value=ast.IfExp(body=ast.Constant(value=one), orelse=ast.Constant(value=other))):
                made = [text + str(each) for text in made for each in (one, other)]
            case _:
                fact = f"%({next(names)})s"
                made = [text + fact for text in made]
    return made


def name_of(node: ast.AST) -> str:
    """Give the last name of a dotted one."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
