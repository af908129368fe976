"""Which variables a template cannot do without.

A variable is required when it is written out, looped over or put into a filter, and neither ``default`` stands behind
it nor a condition in front of it that holds only when it is there. Conditions themselves require nothing: a comparison
with what is missing is false.
"""

from functools import singledispatch

from jinja2 import nodes

Paths = frozenset[str]
NONE: Paths = frozenset()
_DEFAULTS = ("default", "d")
_PRESENT_WHEN_TRUE = frozenset({"defined", "string", "number", "list", "boolean", "even", "odd"})
_ABSENT_WHEN_TRUE = frozenset({"undefined", "none"})
_ORDERED = frozenset({"gt", "gteq", "lt", "lteq", "in"})


def required(tree: nodes.Template) -> Paths:
    """Find the dotted paths of the variables that must have a value."""
    return _block(tree.body, NONE, NONE)


def path_of(node: nodes.Node) -> tuple[str, ...] | None:
    """Read a chain of names such as ``contact.name`` or ``contact["name"]``."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        step: object = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        step = node.arg.value
    else:
        return None
    before = path_of(node.node)
    return (*before, step) if before and isinstance(step, str) else None


def _block(body: list[nodes.Node], known: Paths, bound: Paths) -> Paths:
    return NONE.union(*(_need(node, known, bound) for node in body))


@singledispatch
def _need(node: nodes.Node, known: Paths, bound: Paths) -> Paths:
    """Find what must be there for a node, given what is known to be there and which names loops have bound."""
    return _block(list(node.iter_child_nodes()), known, bound)


@_need.register(nodes.Name)
@_need.register(nodes.Getattr)
@_need.register(nodes.Getitem)
def _(node: nodes.Node, known: Paths, bound: Paths) -> Paths:
    path = path_of(node)
    if path is None:
        return _block(list(node.iter_child_nodes()), known, bound)
    dotted = ".".join(path)
    return NONE if path[0] in bound or dotted in known else frozenset({dotted})


@_need.register
def _(node: nodes.Filter, known: Paths, bound: Paths) -> Paths:
    if node.name in _DEFAULTS:
        return NONE
    return _block(list(node.iter_child_nodes()), known, bound)


@_need.register(nodes.Test)
@_need.register(nodes.Not)
@_need.register(nodes.Compare)
def _(node: nodes.Node, known: Paths, bound: Paths) -> Paths:
    return NONE


@_need.register
def _(node: nodes.And, known: Paths, bound: Paths) -> Paths:
    return _need(node.right, known | when_true(node.left), bound)


@_need.register
def _(node: nodes.Or, known: Paths, bound: Paths) -> Paths:
    return _need(node.right, known | when_false(node.left), bound)


@_need.register
def _(node: nodes.CondExpr, known: Paths, bound: Paths) -> Paths:
    chosen = _need(node.expr1, known | when_true(node.test), bound)
    return chosen | (_need(node.expr2, known | when_false(node.test), bound) if node.expr2 else NONE)


@_need.register
def _(node: nodes.If, known: Paths, bound: Paths) -> Paths:
    paths = _block(node.body, known | when_true(node.test), bound)
    otherwise = known | when_false(node.test)
    for branch in node.elif_:
        paths |= _block(branch.body, otherwise | when_true(branch.test), bound)
        otherwise |= when_false(branch.test)
    return paths | _block(node.else_, otherwise, bound)


@_need.register
def _(node: nodes.For, known: Paths, bound: Paths) -> Paths:
    names = frozenset(name.name for name in node.target.find_all(nodes.Name)) | {"loop"}
    if isinstance(node.target, nodes.Name):
        names |= {node.target.name}
    inside = known | when_true(node.test) if node.test else known
    return _need(node.iter, known, bound) | _block(node.body, inside, bound | names) | _block(node.else_, known, bound)


def when_true(test: nodes.Node) -> Paths:
    """Find the variables that are there whenever a condition holds."""
    path = path_of(test)
    if path is not None:
        return frozenset({".".join(path)})
    if isinstance(test, nodes.And):
        return when_true(test.left) | when_true(test.right)
    if isinstance(test, nodes.Or):
        return when_true(test.left) & when_true(test.right)
    if isinstance(test, nodes.Not):
        return when_false(test.node)
    if isinstance(test, nodes.Compare):
        return _when_compared(test)
    if isinstance(test, nodes.Test) and test.name in _PRESENT_WHEN_TRUE:
        return _subject(test.node)
    if isinstance(test, nodes.Filter) and test.name not in _DEFAULTS and test.node is not None:
        return when_true(test.node)
    return NONE


def when_false(test: nodes.Node) -> Paths:
    """Find the variables that are there whenever a condition does not hold."""
    if isinstance(test, nodes.Not):
        return when_true(test.node)
    if isinstance(test, nodes.Or):
        return when_false(test.left) | when_false(test.right)
    if isinstance(test, nodes.And):
        return when_false(test.left) & when_false(test.right)
    if isinstance(test, nodes.Test) and test.name in _ABSENT_WHEN_TRUE:
        return _subject(test.node)
    return NONE


def _when_compared(test: nodes.Compare) -> Paths:
    """Read a comparison: a missing value is in no order with anything, and equals only nothing."""
    if len(test.ops) != 1:
        return NONE
    operand = test.ops[0]
    blank = isinstance(operand.expr, nodes.Const) and operand.expr.value in (None, "")
    if operand.op in _ORDERED or (operand.op == "eq" and isinstance(operand.expr, nodes.Const) and not blank):
        return _subject(test.expr)
    return _subject(test.expr) if operand.op == "ne" and blank else NONE


def _subject(node: nodes.Node) -> Paths:
    while isinstance(node, nodes.Filter) and node.name not in _DEFAULTS and node.node is not None:
        node = node.node
    path = path_of(node)
    return frozenset({".".join(path)}) if path else NONE
