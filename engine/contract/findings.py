"""What a checker says about a document."""

from dataclasses import dataclass, field
from enum import StrEnum

from engine.terms import Json


class Level(StrEnum):
    """How much a finding matters: an error forbids publishing, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, where, and how to mend it.

    Shape: ``path`` is written like ``nodes[3].config.duration``; ``code`` is stable and translatable with ``facts``.
    """

    level: Level
    code: str
    path: str
    message: str
    mend: str = ""
    node: str | None = None
    facts: dict[str, Json] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + (f"; {self.mend}" if self.mend else "")
