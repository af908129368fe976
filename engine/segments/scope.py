"""Where a compiled rule will stand, and what its names mean there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from engine.errors import RuleError
from engine.rules.model import Rule
from engine.segments.sources import Truth


@dataclass(frozen=True)
class RuleScope:
    """What the names in a rule mean where its expression will stand.

    Units: ``now`` is in microseconds: a column, so that each row has its own, or a bound value. ``enrollment_id`` and
    ``nodes`` (a node's id → its place) are for rules about messages; without an enrollment these are false.
    ``formerly`` has a node's versions and places where the place alone does not tell a message of its own: an
    enrollment may have come over from an earlier version.
    """

    contact: sa.FromClause
    now: sa.ColumnElement[int]
    part: sa.ColumnElement[int]
    workspace_id: int
    enrollment_id: sa.ColumnElement[int] | None = None
    nodes: Mapping[str, int] = field(default_factory=dict)
    segments: Mapping[str, Rule] = field(default_factory=dict)
    formerly: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)

    def inside(self, key: str) -> tuple[Rule, "RuleScope"]:
        """Give a segment's rule and the scope in which it stands: without itself, and outside of any enrollment.

        Errors: ``RuleError`` for a segment that is unknown or contains itself.
        """
        if key not in self.segments:
            raise RuleError(f"there is no segment {key!r}, or it contains itself")
        rest = {other: rule for other, rule in self.segments.items() if other != key}
        return self.segments[key], replace(self, segments=rest, enrollment_id=None)


def some_row(each: sa.FromClause, *conditions: Truth) -> Truth:
    """Ask whether a row meets all conditions; everything but that row is looked up outside."""
    return sa.select(sa.literal_column("1")).select_from(each).where(*conditions).correlate_except(each).exists()
