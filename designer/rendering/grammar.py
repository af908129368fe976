"""Which part of Jinja2 templates may use, checked on the syntax tree when a template is saved."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import TemplateSyntaxError, nodes

from designer.rendering.environment import LOOP_FIELDS, Sandbox
from designer.rendering.filters import FILTERS, TESTS

LONGEST = 64 * 1024
DEEPEST = 60
NESTED_LOOPS = 3

ALLOWED: frozenset[type[nodes.Node]] = frozenset(
    {
        nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For,
        nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Test, nodes.Keyword,
        nodes.CondExpr, nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand,
        nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat,
        nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair,
    }
)  # fmt: skip
RESERVED = frozenset({"self", "caller", "super", "varargs", "kwargs"})

_WORDS = {
    nodes.Call: "calling a function",
    nodes.Pow: "the operator **",
    nodes.Slice: "a slice",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.With: "with",
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "a filter block",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.ScopedEvalContextModifier: "autoescape",
}


@dataclass(frozen=True)
class Fault:
    """One thing that a template may not do, and in which of its lines."""

    message: str
    line: int


@lru_cache(maxsize=4)
def sandbox(html: bool) -> Sandbox:
    """Give the environment for HTML, or for plain text."""
    return Sandbox(html=html)


def read(source: str, *, html: bool) -> tuple[nodes.Template | None, list[Fault]]:
    """Parse a template and list every fault.

    Shape: the tree is there exactly when there is no fault.
    """
    if len(source) > LONGEST:
        return None, [Fault(f"the template is longer than {LONGEST} characters; shorten it", 1)]
    try:
        tree = sandbox(html).parse(source)
    except TemplateSyntaxError as fault:
        return None, [Fault(fault.message or "the template cannot be read", fault.lineno)]
    except (RecursionError, ValueError, MemoryError, OverflowError):
        return None, [Fault("the template cannot be read: it is nested too deep, or a number in it is too long", 1)]
    faults = sorted(set(_faults(tree)), key=lambda fault: fault.line)
    return (None, faults) if faults else (tree, [])


def _faults(tree: nodes.Template) -> Iterator[Fault]:
    # By hand and not by recursion, so that a deep template is a fault and not a crash.
    rest: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    while rest:
        node, depth, loops = rest.pop()
        message = _fault(node)
        if message:
            yield Fault(message, node.lineno or 1)
            continue
        loops += isinstance(node, nodes.For)
        if depth > DEEPEST or loops > NESTED_LOOPS:
            yield Fault("the template is nested too deep", node.lineno or 1)
            continue
        rest.extend((child, depth + 1, loops) for child in node.iter_child_nodes())


def _fault(node: nodes.Node) -> str | None:
    if type(node) not in ALLOWED:
        return f"{_WORDS.get(type(node), type(node).__name__.lower())} is not allowed in a template"
    if isinstance(node, nodes.Name):
        return _fault_of_name(node.name)
    if isinstance(node, nodes.Getattr):
        return _fault_of_name(node.attr)
    if isinstance(node, nodes.Getitem):
        constant = node.arg.value if isinstance(node.arg, nodes.Const) else None
        return _fault_of_name(constant) if isinstance(constant, str) else None
    if isinstance(node, nodes.Filter):
        return _fault_of_filter(node)
    if isinstance(node, nodes.Test):
        known = sorted(TESTS)
        return None if node.name in _TESTS else f"there is no test {node.name!r}; use one of {', '.join(known)}"
    if isinstance(node, nodes.For) and node.recursive:
        return "a recursive loop is not allowed in a template"
    return None


_TESTS = frozenset(TESTS) | {"eq", "ne", "lt", "le", "gt", "ge", "in"}


def _fault_of_name(name: str) -> str | None:
    if name.startswith("_") or name in RESERVED:
        return f"the name {name!r} is not allowed in a template"
    return None


def _fault_of_filter(node: nodes.Filter) -> str | None:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return "* and ** are not allowed in a template"
    if node.node is None or node.name not in FILTERS:
        return f"there is no filter {node.name!r}; use one of {', '.join(sorted(FILTERS))}"
    return None


__all__ = ["LOOP_FIELDS", "Fault", "read", "sandbox"]
