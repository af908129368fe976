"""SQL is made of expressions or fixed text with parameters, never of strings put together."""

import ast
from collections.abc import Iterator

import pytest

from tests.law.sources import PRODUCT, Source, python, source

TAKES_SQL = {
    "exec_driver_sql",
    "execute",
    "executemany",
    "executescript",
    "literal_column",
    "scalar",
    "scalars",
    "text",
}
# place → why nothing else will do
EXEMPT = {
    "engine/store/dialect.py prepare_sqlite": "a PRAGMA takes no parameters; the values stand in the same file",
    "engine/store/rowsets.py rowset": "the place of a column in a list, a number that the code counts",
}


def test_no_sql_is_put_together() -> None:
    found = {place for each in python(*PRODUCT) for place in _built(each)}
    assert found - set(EXEMPT) == set()


def test_every_exemption_is_needed() -> None:
    found = {place for each in python(*PRODUCT) for place in _built(each)}
    assert set(EXEMPT) - found == set()
    assert len(EXEMPT) == 2


@pytest.mark.parametrize(
    "line",
    [
        'text(f"SELECT {name}")',
        'sa.text("SELECT " + name)',
        'connection.exec_driver_sql("SELECT %s" % name)',
        'connection.execute("SELECT {}".format(name))',
        'sa.literal_column("a" + name + "b")',
        'statement = f"DELETE FROM {name}"; connection.execute(sa.text(statement))',
        'statement = "DELETE FROM x"; statement += name; connection.exec_driver_sql(statement)',
        'connection.execute(sa.text(" AND ".join(parts)))',
    ],
)
def test_sql_that_is_put_together_is_seen(line: str) -> None:
    assert _built(source(f"def f(name, parts, connection):\n    {line}\n")) == ["engine/planted.py f"]


@pytest.mark.parametrize(
    "line",
    [
        'text("SELECT :x")',
        "connection.execute(sa.select(t))",
        "text(name)",
        'text("a " "b")',
        'execute("a", f"{name}")',
    ],
)
def test_fixed_text_is_free(line: str) -> None:
    assert _built(source(f"def f(name, connection):\n    {line}\n")) == []


def _built(each: Source) -> list[str]:
    found = []
    for scope, nodes in _scopes(each.tree):
        made = {name for node in nodes for name in _made_names(node)}
        calls = [node for node in nodes if isinstance(node, ast.Call) and _called(node) in TAKES_SQL and node.args]
        if any(_is_made(call.args[0], made) for call in calls):
            found.append(f"{each.path} {scope}")
    return found


def _scopes(tree: ast.Module) -> Iterator[tuple[str, list[ast.AST]]]:
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes = list(ast.walk(node))
            inside.update(nodes)
            yield node.name, nodes
    yield "module", [node for node in ast.walk(tree) if node not in inside]


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _made_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Mod) and isinstance(node.target, ast.Name):
        yield node.target.id
    if isinstance(node, ast.Assign) and _is_made(node.value, set()):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _is_made(value: ast.expr, made: set[str]) -> bool:
    if isinstance(value, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) and not _is_fixed(part.value) for part in value.values)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Mod):
        sides = (value.left, value.right)
        return any(_is_text(side) or _is_made(side, made) for side in sides) and not all(map(_is_fixed, sides))
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        return value.func.attr in ("format", "join", "replace") and _is_text(value.func.value)
    return isinstance(value, ast.Name) and value.id in made


def _is_fixed(value: ast.expr) -> bool:
    # A constant of the module: its text stands in the source like any other.
    return (isinstance(value, ast.Name) and value.id.isupper()) or isinstance(value, ast.Constant)


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str))
