"""Whatever changes something at the counter says which right it needs."""

import ast
from collections.abc import Iterator

import pytest

from tests.law.sources import Source, python, source

# place → why nobody has to have a right for it
EXEMPT = {
    "engine/api/signing.py": "signing in and out: those who do it have no rights yet",
    "engine/api/demo.py": "the demo's own life",
    "engine/api/ingest.py": "the tracking API has keys of its own",
}


def test_every_change_says_which_right_it_needs() -> None:
    found = [place for each in python("engine/api") if each.path not in EXEMPT for place in _open(each)]
    assert found == []


def test_every_exemption_is_needed() -> None:
    assert {each.path for each in python("engine/api") if each.path in EXEMPT} == set(EXEMPT)
    assert [each.path for each in python("engine/api/signing.py") if not list(_open(each))] == []


@pytest.mark.parametrize(
    "text",
    [
        "def f(wiring):\n    with wiring.store.write() as c:\n        pass\n",
        "def f(wiring):\n    _g(wiring)\ndef _g(wiring):\n    with transaction(wiring.store) as c:\n        pass\n",
        "def f(wiring):\n    store = wiring.store\n    store.write()\n",
    ],
)
def test_a_change_without_a_right_is_seen(text: str) -> None:
    assert list(_open(source(text))) == ["engine/planted.py f"]


@pytest.mark.parametrize(
    "text",
    [
        "@needs(Right.EDIT)\ndef f(wiring):\n    with wiring.store.write() as c:\n        pass\n",
        "def f(wiring):\n    with wiring.store.read() as c:\n        pass\n",
        "def f(file):\n    file.write('x')\n",
    ],
)
def test_other_functions_are_free(text: str) -> None:
    assert list(_open(source(text))) == []


def _open(each: Source) -> Iterator[str]:
    """Name the public functions that write, themselves or by private ones of their file, and need no right."""
    functions = {node.name: node for node in each.tree.body if isinstance(node, ast.FunctionDef)}
    for name, node in functions.items():
        if not name.startswith("_") and not _is_guarded(node) and _writes(node, functions, {name}):
            yield f"{each.path} {name}"


def _is_guarded(node: ast.FunctionDef) -> bool:
    calls = [each.func for each in node.decorator_list if isinstance(each, ast.Call)]
    return any(isinstance(call, ast.Name) and call.id == "needs" for call in calls)


def _writes(node: ast.FunctionDef, functions: dict[str, ast.FunctionDef], seen: set[str]) -> bool:
    for call in (each.func for each in ast.walk(node) if isinstance(each, ast.Call)):
        if isinstance(call, ast.Attribute) and call.attr == "write" and "store" in ast.unparse(call.value):
            return True
        if isinstance(call, ast.Name) and call.id == "transaction":
            return True
        if isinstance(call, ast.Name) and call.id.startswith("_") and call.id in functions and call.id not in seen:
            seen.add(call.id)
            if _writes(functions[call.id], functions, seen):
                return True
    return False
