"""Node types: one class in one file, found through the entry-point group ``dripline.nodes``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from engine.contract.findings import Finding
from engine.contract.wave import EventMatch, Wave
from engine.rules.model import Rule
from engine.terms import Json, Text


class Family(StrEnum):
    """The palette's groups."""

    TRIGGER = "trigger"
    WAIT = "wait"
    BRANCH = "branch"
    SPLIT = "split"
    PATH = "path"
    SEND = "send"
    CONTACT = "contact"
    SALES = "sales"
    FLOW = "flow"


class NodeConfig(BaseModel):
    """A node's settings: the only place where they are declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, arbitrary_types_allowed=True)


@dataclass(frozen=True)
class Port:
    """A named way out of a node."""

    key: str
    label: Text | None = None


OUT = Port("out")

C = TypeVar("C", bound=NodeConfig)


@dataclass(frozen=True)
class ByEvent:
    """Enter when such an event of the contact arrives."""

    match: EventMatch


@dataclass(frozen=True)
class BySegment:
    """Enter when the contact begins to match a rule or a named segment."""

    segment: str | None
    rule: Rule | None
    existing: bool


@dataclass(frozen=True)
class BySchedule:
    """Enter all that match at each time: a cron expression, one instant, or a daily local time."""

    cron: str | None
    at: str | None
    segment: str | None
    rule: Rule | None


@dataclass(frozen=True)
class ByDate:
    """Enter before or after the date in an attribute."""

    attribute: str
    offset: timedelta
    at: time | None


@dataclass(frozen=True)
class ByHand:
    """Enter by hand, by API, by CSV, or from another flow."""


Entry = ByEvent | BySegment | BySchedule | ByDate | ByHand


@dataclass(frozen=True)
class CheckView:
    """What a node type may know of its surroundings when it checks its settings."""

    node: str
    path: str
    connected: frozenset[str]
    facts: Mapping[str, Any] = field(default_factory=dict)


class NodeType(Generic[C]):
    """A kind of node. The subclass's first docstring line is its tooltip.

    ``kind`` is what flows store: never renamed, only aliased. ``version`` goes up when settings change shape;
    ``upgrade`` lifts older ones.
    """

    kind: ClassVar[str]
    family: ClassVar[Family]
    title: ClassVar[Text]
    version: ClassVar[int] = 1
    aliases: ClassVar[tuple[str, ...]] = ()
    config_type: ClassVar[type[NodeConfig]]
    channel: ClassVar[str | None] = None
    """The channel of a node that sends; None for all others."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        for base in getattr(cls, "__orig_bases__", ()):
            if isinstance(get_origin(base), type) and issubclass(get_origin(base), NodeType):
                argument = get_args(base)[0]
                if isinstance(argument, type) and issubclass(argument, NodeConfig):
                    cls.config_type = argument

    def ports(self, config: C) -> Sequence[Port]:
        """Name the ways out, in reading order."""
        return (OUT,)

    def summary(self, config: C) -> Text:
        """Say in one line what this node will do: the line on its card."""
        raise NotImplementedError

    def entry(self, config: C) -> Entry | None:
        """Say how contacts come in here; None for a node that is no trigger."""
        return None

    def enters(self, config: C) -> str | None:
        """Name the flow that members are let into, if any."""
        return None

    def least_wait(self, config: C) -> timedelta:
        """Give the shortest time that a member can stay here."""
        return timedelta(0)

    def check(self, config: C, view: CheckView) -> Iterable[Finding]:
        """Find what the settings model alone cannot see."""
        return ()

    def upgrade(self, raw: dict[str, Json], from_version: int) -> dict[str, Json]:
        """Lift settings of an older version to this one."""
        return raw

    def run(self, wave: Wave, config: C) -> None:
        """Say what becomes of the members."""
        raise NotImplementedError
