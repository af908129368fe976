"""The frame of a document: everything but the nodes' own settings."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AllowInfNan, Field, PlainValidator, Strict

from engine.civil import zone
from engine.contract.fields import Duration, FlowKey, Hint, Label, LocalTime, NodeId, PortKey, RuleField
from engine.contract.node import NodeConfig
from engine.contract.readers import wrong

FORMAT = 1
"""The version of the format that this code writes."""

Pixels = Annotated[float, Strict(), AllowInfNan(False), Field(ge=-1e7, le=1e7)]


def _zone(value: object) -> str:
    if isinstance(value, str) and zone(value) is not None:
        return value
    raise wrong(f"{value!r} is no time zone; write it like Asia/Shanghai or Europe/Berlin")


def _kind(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise wrong('is no node type; write it like "wait.delay"')


class Reentry(NodeConfig):
    """When a contact may enter again."""

    allow: Literal["once", "after_exit", "always"] = Field("once", description="`once`, `after_exit` or `always`.")
    cooldown: Duration = Field(timedelta(0), description="With `after_exit`: time since the last enrollment began.")


class QuietHours(NodeConfig):
    """The local hours in which no message goes out."""

    start: LocalTime = Field(alias="from", description="Local time at which it gets quiet.")
    end: LocalTime = Field(alias="to", description="Local time at which it ends.")


class Settings(NodeConfig):
    """What holds for the whole flow."""

    timezone: Annotated[str, PlainValidator(_zone), Hint("timezone")] | None = Field(
        None, title="Time zone", description="Time zone of contacts who have none of their own."
    )
    reentry: Reentry = Field(Reentry(), title="Re-entry", description="When a contact may enter again.")
    goal: RuleField | None = Field(None, description="Rule that ends an enrollment as a success.")
    exit_when: RuleField | None = Field(None, title="Exit", description="Rule that ends an enrollment otherwise.")
    quiet_hours: QuietHours | None = Field(None, description="The local hours in which no message goes out.")


class Frame(NodeConfig):
    """The keys of a document. Everything may be absent here; what may not is told apart."""

    dripline: Any = Field(None, description="Version of the format: 1.")
    key: FlowKey | None = Field(None, description="Name of the flow in addresses, unique in a workspace.")
    name: Label | None = Field(None, description="Name for people.")
    description: Label | None = Field(None, description="What the flow is for.")
    settings: Any = Field(None, description="What holds for the whole flow.")
    nodes: list[Any] = Field([], description="The nodes.")
    edges: list[Any] = Field([], description="The edges.")


class NodeFrame(NodeConfig):
    """The keys of a node. Everything may be absent here; what may not is told apart."""

    id: NodeId | None = Field(None, description="Name of the node in edges and rules, unique in the flow.")
    type: Annotated[str, PlainValidator(_kind)] | None = Field(None, description="What kind of node it is.")
    version: Annotated[int, Strict(), Field(ge=1)] = Field(1, description="Version of its settings.")
    name: Label | None = Field(None, description="Name for people.")
    note: Label | None = Field(None, description="A free comment.")
    config: dict[str, Any] | None = Field(None, description="Its settings.")
    at: tuple[Pixels, Pixels] | None = Field(None, description="Position on the canvas in pixels, right and down.")


class EdgeFrame(NodeConfig):
    """The keys of an edge. Everything may be absent here; what may not is told apart."""

    source: str | None = Field(None, alias="from", description="Id of the node it leaves.")
    port: PortKey = Field("out", description="Port it leaves by.")
    target: str | None = Field(None, alias="to", description="Id of the node it leads to.")
