"""Node types: one class in one file, found through the entry-point group ``dripline.nodes``."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from engine.civil import WaitUntil
from engine.contract.comparison import Comparison
from engine.contract.findings import Finding, Level
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

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


@dataclass(frozen=True)
class Port:
    """A named way out of a node. ``expected`` says that it makes little sense without an edge."""

    key: str
    label: Text | None = None
    expected: bool = False


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
    """What a node type may know of its surroundings when it checks its settings.

    Shape: ``path`` is that of the settings, ``nodes[3].config``; ``connected`` the ports that have an edge.
    """

    node: str
    path: str
    connected: frozenset[str]
    now: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)

    def error(self, code: str, field: str, message: str, mend: str = "", **facts: Json) -> Finding:
        """Make a finding that forbids publishing, about a field of the settings."""
        return Finding(Level.ERROR, code, self._at(field), message, mend, self.node, facts)

    def warning(self, code: str, field: str, message: str, mend: str = "", **facts: Json) -> Finding:
        """Make a finding that does not forbid publishing, about a field of the settings."""
        return Finding(Level.WARNING, code, self._at(field), message, mend, self.node, facts)

    def _at(self, field: str) -> str:
        return f"{self.path}.{field}" if field else self.path


class NodeType(ABC, Generic[C]):
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
    reaches_contact: ClassVar[bool] = False
    """Whether its message is for the contact: such messages keep quiet hours, need consent and count for caps."""
    gathers: ClassVar[bool] = False
    """Whether it brings the tokens of an enrollment together, so that one goes on."""
    examples: ClassVar[tuple[dict[str, Json], ...]] = ({},)
    """Settings as flows write them, for the reference page and the conformance suite."""

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

    @abstractmethod
    def summary(self, config: C) -> Text:
        """Say in one line what this node will do: the line on its card."""

    def entry(self, config: C) -> Entry | None:
        """Say how contacts come in here; None for a node that is no trigger."""
        return None

    def enters(self, config: C) -> str | None:
        """Name the flow that members are let into, if any."""
        return None

    def compares(self, config: C) -> Comparison | None:
        """Say what is compared here; None for a node that is no experiment."""
        return None

    def writes(self, config: C) -> Iterable[str]:
        """Name the attributes of the contact that this node writes."""
        return ()

    def least_wait(self, config: C, port: str) -> timedelta:
        """Give the shortest time that a member who leaves by the port can have stayed here."""
        return timedelta(0)

    def why(self, config: C, port: str, silence: timedelta) -> Text | None:
        """Say why a member left by a port, where no rule in the settings tells it.

        Shape: ``silence`` is how long ago the member's last event was at that instant, else their creation.
        """
        return None

    def target(self, config: C) -> WaitUntil | None:
        """Give the civil time that members rest until, if this node waits for one.

        Shape: a date that is read from an attribute is left out, so that the answer is never too late.
        """
        return None

    def check(self, config: C, view: CheckView) -> Iterable[Finding]:
        """Find what the settings model alone cannot see."""
        return ()

    def upgrade(self, raw: dict[str, Json], from_version: int) -> dict[str, Json]:
        """Lift settings of an older version to this one."""
        return raw

    @abstractmethod
    def run(self, wave: Wave, config: C) -> None:
        """Say what becomes of the members."""
