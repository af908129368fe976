"""Templates, rendered in this process: checks, variables, texts and single values."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from jinja2 import Template, nodes

from designer.rendering.budget import LARGEST, NAME, Budget
from designer.rendering.environment import OBJECT, harden
from designer.rendering.filters import written
from designer.rendering.grammar import Fault, read, sandbox
from designer.rendering.mail import typeset
from designer.rendering.missing import Missing, is_missing
from designer.rendering.variables import required
from engine.errors import MissingVariable, RenderError
from engine.terms import Json

Piece = tuple[str, str]
"""A mode (``html``, ``mail``, ``sheet``, ``text``, ``line`` or ``value``) and a template."""

Job = tuple[Sequence[Piece], Mapping[str, Json]]
"""The pieces of one message and the variables they may read."""

Rendered = TypeVar("Rendered")

_RESULT = "result"
_BREAKING = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
_CONTROLS = re.compile("(?![\t\n\r])[\x00-\x1f\x7f\x85\u2028\u2029]")


class JinjaRenderer:
    """Render templates in this process.

    It is safe for templates that ``check`` accepts, and refuses the others.
    """

    def check(self, source: str, *, html: bool) -> list[Fault]:
        """List what is wrong with a template: syntax, forbidden constructs, unknown filters."""
        return list(_check(source, html))

    def variables(self, source: str) -> frozenset[str]:
        """Find the dotted paths that a template requires; none for one that cannot be read."""
        return _required(source)

    def render(self, source: str, context: Mapping[str, Json], *, html: bool) -> str:
        """Render a template.

        Errors: ``MissingVariable`` names the first variable that has no value; ``RenderError`` for all else.
        """
        _demand(source, context)
        if "{" not in source:
            return source
        return _guarded(_write, _compile(source, html), context)

    def value(self, source: str, context: Mapping[str, Json]) -> Json:
        """Render a text whose only content is ``{{ an expression }}`` to the expression's own value, any other to text.

        Errors: as ``render``.
        """
        if "{{" not in source:
            return source
        expression = _expression(source)
        if expression is None:
            return self.render(source, context, html=False)
        _demand(source, context)
        return _guarded(_evaluate, expression, context)

    def render_many(self, batch: Sequence[Job]) -> list[list[Json] | RenderError]:
        """Render the pieces of many messages; a fault takes the place of a message that cannot be rendered."""
        return [self.render_one(job) for job in batch]

    def render_one(self, job: Job) -> list[Json] | RenderError:
        """Render the pieces of one message."""
        pieces, context = job
        try:
            return [self._piece(mode, source, context) for mode, source in pieces]
        except RenderError as fault:
            return fault

    def _piece(self, mode: str, source: str, context: Mapping[str, Json]) -> Json:
        if mode == "value":
            return self.value(source, context)
        text = self.render(source, context, html=mode in ("html", "mail", "sheet"))
        if mode in ("mail", "sheet"):
            return _typeset(text, with_text=mode == "mail")
        if mode != "html":
            _refuse_controls(text, single=mode == "line")
        return text.strip() if mode == "line" else text


def _typeset(html: str, *, with_text: bool) -> Json:
    try:
        return typeset(html, with_text=with_text)
    except Exception as fault:  # noqa: BLE001 - parsers that meet HTML nobody thought of; it may not stop the others
        raise RenderError(f"the HTML cannot be made into a mail: {fault}") from None


def _refuse_controls(text: str, *, single: bool) -> None:
    """Refuse what could break out of a header or disturb a terminal or phone."""
    found = (_BREAKING if single else _CONTROLS).search(text)
    if found is not None:
        sign = found[0]
        raise RenderError(f"the text has the control character U+{ord(sign):04X}", character=f"U+{ord(sign):04X}")


def _demand(source: str, context: Mapping[str, Json]) -> None:
    for path, steps in _demands(source):
        value: Any = context
        for step in steps:
            value = value.get(step) if isinstance(value, OBJECT) else None
        if is_missing(value):
            raise MissingVariable(f"the variable {path} has no value here", variable=path)


@lru_cache(maxsize=2048)
def _check(source: str, html: bool) -> tuple[Fault, ...]:
    """Find the faults of a template; a draft asks for the same ones again with every change."""
    tree, faults = read(source, html=html)
    if tree is None:
        return tuple(faults)
    try:
        _compile(source, html)
    except RenderError as fault:
        return (Fault(fault.message, 1),)
    return ()


@lru_cache(maxsize=4096)
def _required(source: str) -> frozenset[str]:
    tree, _ = read(source, html=False) if "{" in source else (None, [])
    return required(tree) if tree is not None else frozenset()


@lru_cache(maxsize=4096)
def _demands(source: str) -> Sequence[tuple[str, Sequence[str]]]:
    return [(path, path.split(".")) for path in sorted(_required(source))]


def _checked(source: str, *, html: bool) -> nodes.Template:
    tree, faults = read(source, html=html)
    if tree is None:
        raise RenderError(f"line {faults[0].line}: {faults[0].message}")
    return tree


def _build(tree: nodes.Template, *, html: bool) -> Template:
    environment = sandbox(html)
    harden(tree).set_environment(environment)
    try:
        return environment.from_string(tree)
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        raise RenderError("the template is nested too deep") from None


@lru_cache(maxsize=4096)
def _compile(source: str, html: bool) -> Template:
    return _build(_checked(source, html=html), html=html)


@lru_cache(maxsize=4096)
def _expression(source: str) -> Template | None:
    """Compile a template that is one expression to one that keeps its value; ``None`` for any other."""
    body = _checked(source.strip(), html=False).body
    if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
        return None
    keep = nodes.Assign(nodes.Name(_RESULT, "store", lineno=1), body[0].nodes[0], lineno=1)
    return _build(nodes.Template([keep], lineno=1), html=False)


def _guarded(
    step: Callable[[Template, dict[str, Any]], Rendered], template: Template, context: Mapping[str, Json]
) -> Rendered:
    try:
        return step(template, {**context, NAME: Budget()})
    except RenderError:
        raise
    except MemoryError:
        raise RenderError("the template needs too much memory") from None
    except Exception as fault:  # noqa: BLE001 - a template of a user may fail in any way; it may not stop the others
        raise RenderError(f"the template failed: {fault}") from None


def _write(template: Template, context: dict[str, Any]) -> str:
    parts: list[str] = []
    size = 0
    for part in template.root_render_func(template.new_context(context)):
        size += len(part)
        if size > LARGEST:
            raise RenderError(f"the message has more than {LARGEST} characters; make it shorter")
        parts.append(part)
    return "".join(parts)


def _evaluate(template: Template, context: dict[str, Any]) -> Json:
    scope = template.new_context(context)
    for _ in template.root_render_func(scope):
        pass
    value = scope.vars[_RESULT]
    if isinstance(value, Missing):
        value.refuse()
    if isinstance(value, str):
        return str(value)
    return value if isinstance(value, bool | int | float | list | dict) or value is None else written(value)
