"""What the engine asks of templates; the language itself comes in from outside."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from engine.errors import RenderError
from engine.terms import Json

Mode = Literal["html", "mail", "sheet", "text", "line", "value"]
"""How a piece is rendered.

``html`` escapes. ``mail`` does so too and gives ``{"parts", "text"}``: a whole document with inlined styles, in pieces
in turn with the targets of its links, and the same as plain text; ``sheet`` leaves that empty. ``text`` refuses control
characters, ``line`` line breaks as well; ``value`` keeps an expression's own type.
"""

Piece = tuple[str, str]
"""A mode and a template."""

Job = tuple[Sequence[Piece], Mapping[str, Json]]
"""The pieces of one message and the variables they may read."""


class TemplateFault(Protocol):
    """One thing that is wrong with a template."""

    @property
    def message(self) -> str:
        """What is wrong and how to mend it."""

    @property
    def line(self) -> int:
        """In which line, counted from 1."""


class Renderer(Protocol):
    """A template language that can do no harm."""

    def check(self, source: str, *, html: bool) -> Sequence[TemplateFault]:
        """List what is wrong with a template: syntax, forbidden constructs, unknown filters."""

    def variables(self, source: str) -> frozenset[str]:
        """Find the dotted paths that must have a value: read without a default and without a guard."""

    def render(self, source: str, context: Mapping[str, Json], *, html: bool) -> str:
        """Render one template.

        Errors: ``MissingVariable``; ``RenderError`` for all else.
        """

    def value(self, source: str, context: Mapping[str, Json]) -> Json:
        """Render a text that is one expression to its own value, any other to text; one without braces is itself.

        Errors: as ``render``.
        """

    def render_many(self, batch: Sequence[Job]) -> list[list[Json] | RenderError]:
        """Render the pieces of many messages; a fault takes the place of a message that cannot be rendered."""
