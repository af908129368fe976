"""The family of faults. A class docstring is its default message: what happened, then what to do.

EngineError
├── FlowError              the author's fault: findings with node, field, message
│   └── RevisionConflict
├── RuleError              a rule that cannot be read
├── NodeError              a plug-in's fault, with its kind
│   ├── PortLeak
│   ├── PortOverlap
│   └── UndeclaredPort
├── RunError               a wave could not be carried out
├── StoreError             the database
│   └── SchemaOutdated
├── ChannelError           a delivery
│   ├── TemporaryRefusal
│   ├── PermanentRefusal
│   ├── DeliveryInDoubt
│   └── RenderError        a template could not be rendered for one contact
│       └── MissingVariable
├── PeopleError            contacts, accounts, events
├── ExperimentError        splits and promotion
├── AccessError            keys and rights
└── NotFound               nothing of that name
"""

from collections.abc import Sequence
from typing import ClassVar


class EngineError(Exception):
    """Something went wrong in the engine; look at the log for the cause."""

    code: ClassVar[str] = "engine"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, **facts: object) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.facts = facts
        super().__init__(self.message)


class FlowError(EngineError):
    """The flow has faults; mend what is listed and try again."""

    code = "flow"

    def __init__(self, message: str | None = None, *, findings: Sequence[object] = (), **facts: object) -> None:
        super().__init__(message, **facts)
        self.findings = list(findings)


class RevisionConflict(FlowError):
    """Somebody else changed this draft meanwhile; load it again and repeat the change."""

    code = "flow.conflict"


class RuleError(EngineError):
    """The rule cannot be read; mend it where the path points."""

    code = "rule"


class NodeError(EngineError):
    """A node type broke its contract; tell its author."""

    code = "node"


class PortLeak(NodeError):
    """A node type left members of its wave without a port or a park; tell its author."""

    code = "node.leak"


class PortOverlap(NodeError):
    """A node type sent members of its wave to more than one place; tell its author."""

    code = "node.overlap"


class UndeclaredPort(NodeError):
    """A node type routed to a port that it does not declare; tell its author."""

    code = "node.port"


class RunError(EngineError):
    """A wave could not be carried out; its tokens are listed as failed and can be retried."""

    code = "run"


class StoreError(EngineError):
    """The database refused; check its address, its space and its rights."""

    code = "store"
    retryable = True


class SchemaOutdated(StoreError):
    """The database has an older schema; run the migrations."""

    code = "store.schema"
    retryable = False


class ChannelError(EngineError):
    """A message could not be handed over; look at the channel's settings."""

    code = "channel"


class TemporaryRefusal(ChannelError):
    """The provider cannot take the message now; it is tried again later."""

    code = "channel.temporary"
    retryable = True


class PermanentRefusal(ChannelError):
    """The provider will never take this message; it is not tried again."""

    code = "channel.permanent"


class DeliveryInDoubt(ChannelError):
    """The provider may have taken the message; it is not sent again by itself."""

    code = "channel.in_doubt"


class RenderError(ChannelError):
    """The template could not be rendered for this contact; mend the template or the contact's data."""

    code = "channel.render"


class MissingVariable(RenderError):
    """The template reads a variable that this contact does not have; give it a default or a guard."""

    code = "channel.missing_variable"


class PeopleError(EngineError):
    """The contact data cannot be taken; mend the rows that are listed."""

    code = "people"


class ExperimentError(EngineError):
    """The experiment cannot do that now; look at its state."""

    code = "experiment"


class AccessError(EngineError):
    """This key or user may not do that; ask an administrator."""

    code = "access"


class NotFound(EngineError):
    """Nothing of that name is here; check its spelling."""

    code = "not_found"
