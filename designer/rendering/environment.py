"""The environment in which templates run: plain data, no calls, no attributes of Python objects, a budget."""

from collections.abc import Mapping
from typing import Any, ClassVar

from jinja2 import Undefined, nodes, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from designer.rendering.budget import NAME, Budget
from designer.rendering.filters import FILTERS, TESTS, written
from designer.rendering.missing import Missing, is_missing
from engine.errors import RenderError

LARGEST_NUMBER = 10**15
LOOP_FIELDS = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})
OBJECT = (dict, Mapping)
"""What has keys; the usual one first, for telling an abstract class takes longer than all the rest."""

ALWAYS = ("+", "-", "*", "/", "//", "%")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 without whatever a message does not need.

    Jinja2's own sandbox still lets templates call public methods, repeat texts and loop for ever; see the tests.
    """

    intercepted_binops: ClassVar[frozenset[str]] = frozenset((*ALWAYS, "**"))  # type: ignore[misc]

    def __init__(self, *, html: bool) -> None:
        super().__init__(
            autoescape=html,
            undefined=Missing,
            finalize=_finalize,
            optimized=False,
            cache_size=0,
            keep_trailing_newline=True,
        )
        self.globals.clear()
        self.filters = {**FILTERS, "_bounded": _bounded, "_concat": _concat}
        self.tests = {name: self.tests[name] for name in ("eq", "ne", "lt", "le", "gt", "ge", "in")} | TESTS

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Read a key of an object of the context, or a field of ``loop``; nothing else has attributes."""
        if isinstance(obj, LoopContext) and attribute in LOOP_FIELDS:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Read a key of an object or a place of a list."""
        value = None
        if isinstance(obj, OBJECT) and isinstance(argument, str):
            value = obj.get(argument)
        elif isinstance(obj, list | tuple) and isinstance(argument, int):
            value = obj[argument] if -len(obj) <= argument < len(obj) else None
        return self.undefined(obj=obj, name=str(argument)) if is_missing(value) else value

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Refuse every attribute."""
        return False

    def call(self, *_arguments: Any, **_options: Any) -> Any:
        """Refuse every call."""
        raise RenderError("a template may not call anything")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate with numbers of a sensible size, or put two texts together."""
        for value in (left, right):
            if isinstance(value, Undefined):
                return value
        budget: Budget = context.parent[NAME]
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            budget.text(len(left) + len(right))
            return left + right
        if operator not in ALWAYS or not (_is_sensible(left) and _is_sensible(right)):
            raise RenderError(f"the operator {operator} works on numbers below {LARGEST_NUMBER} only")
        budget.charge(1)
        try:
            return self.binop_table[operator](left, right)
        except ArithmeticError as fault:
            raise RenderError(f"the calculation failed: {fault}") from None


def _is_sensible(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER


def _finalize(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, Missing):
        value.refuse()
    return "" if value is None else written(value)


@pass_context
def _bounded(context: Context, value: Any, weight: int) -> Any:
    """Pay for a loop before it runs."""
    if isinstance(value, Missing):
        value.refuse()
    if not isinstance(value, list | tuple):
        raise RenderError("a template may only loop over lists")
    context.parent[NAME].charge(len(value) * weight)
    return value


@pass_context
def _concat(context: Context, parts: Any) -> str:
    """Put texts together with ``~``, within the budget."""
    texts = [_finalize(part) for part in parts]
    context.parent[NAME].text(sum(map(len, texts)))
    return "".join(texts)


def harden(template: nodes.Template) -> nodes.Template:
    """Put what keeps the budget into a checked template: around loops and ``~``; give every inline if an else."""
    for node in list(template.find_all((nodes.For, nodes.CondExpr, nodes.Concat))):
        if isinstance(node, nodes.For):
            weight = 1 + sum(1 for part in node.body for _ in _every(part))
            node.iter = nodes.Filter(node.iter, "_bounded", [nodes.Const(weight)], [], None, None, lineno=node.lineno)
        elif isinstance(node, nodes.CondExpr) and node.expr2 is None:
            node.expr2 = nodes.Const("", lineno=node.lineno)
    _replace_concat(template)
    return template


def _replace_concat(parent: nodes.Node) -> None:
    for name, value in list(parent.iter_fields()):
        if isinstance(value, list):
            setattr(parent, name, [_without_concat(item) for item in value])
        elif isinstance(value, nodes.Node):
            setattr(parent, name, _without_concat(value))


def _without_concat(item: Any) -> Any:
    if not isinstance(item, nodes.Node):
        return item
    _replace_concat(item)
    if isinstance(item, nodes.Concat):
        parts = nodes.List(item.nodes, lineno=item.lineno)
        return nodes.Filter(parts, "_concat", [], [], None, None, lineno=item.lineno)
    return item


def _every(node: nodes.Node) -> Any:
    yield node
    for child in node.iter_child_nodes():
        yield from _every(child)
