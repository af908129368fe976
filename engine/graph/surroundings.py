"""What a checker may know beside the document. Whatever is None is unknown, and nothing is said about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class TemplateFault(Protocol):
    """One thing that is wrong with a template."""

    @property
    def message(self) -> str:
        """What is wrong and how to mend it."""

    @property
    def line(self) -> int:
        """In which line, counted from 1."""


class TemplateCheck(Protocol):
    """What the checker asks of the template language."""

    def check(self, source: str, *, html: bool) -> Sequence[TemplateFault]:
        """List what is wrong with a template."""

    def variables(self, source: str) -> frozenset[str]:
        """Find the dotted paths that must have a value: read without a default and without a guard."""


@dataclass(frozen=True)
class Template:
    """A message of the library: its channel and the variables that it cannot do without."""

    channel: str
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Surroundings:
    """Catalogues of the workspace.

    Shape: ``attributes`` are the names that some contact has, those of accounts with the prefix ``account.``;
    ``flows`` tells of each key whether contacts can be let in from another flow; ``most_messages`` is how many
    messages in seven days are too many when exceeded.
    """

    attributes: frozenset[str] | None = None
    events: frozenset[str] | None = None
    segments: frozenset[str] | None = None
    topics: frozenset[str] | None = None
    templates: Mapping[str, Template] | None = None
    flows: Mapping[str, bool] | None = None
    texts: TemplateCheck | None = None
    most_messages: int = 7


UNKNOWN = Surroundings()
"""Nothing is known beside the document."""
