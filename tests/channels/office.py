"""A place to dispatch from: real rooms, a channel that acts out what it is told, contents by node."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from designer.rendering.renderer import JinjaRenderer
from engine.channels.base import Channel, MessageContent, Outcome, Outgoing, sent
from engine.channels.dispatch import DispatchReport, Office, dispatch
from engine.channels.happenings import SOURCE, Happening
from engine.channels.links import Links
from engine.clock import FixedClock
from engine.errors import NotFound
from engine.store.dialect import insert_ignore
from engine.store.sequences import take
from engine.store.session import Store
from tests.channels.world import EVENT, START

LINKS = Links("https://drip.example", ["a secret of the tests"])
WORKER = "worker-1"


@dataclass
class ScriptedChannel:
    """Take every message and answer what the script says; without a script, that it was sent."""

    answer: Callable[[Outgoing], Outcome] = lambda message: sent("250 taken")
    keyed: bool = False
    batch: int = 1
    taken: list[Outgoing] = field(default_factory=list)
    opened: int = 0

    async def open(self) -> None:
        self.opened += 1

    async def deliver(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        self.taken.extend(messages)
        return [self.answer(message) for message in messages]

    async def close(self) -> None:
        self.opened -= 1


def content(**fields: Any) -> MessageContent:
    """Make a plain content."""
    given: dict[str, Any] = {
        "channel": "email", "node": "day1", "flow_key": "trial", "flow_name": "Trial", "subject": "Hi {{ contact.id }}",
        "text": "Hello {{ contact.id }}",
    }  # fmt: skip
    return MessageContent(**(given | fields))


def record_events(connection: Connection, happenings: Sequence[Happening]) -> None:
    """Store events as the people room does."""
    for each in happenings:
        row = {
            **each._asdict(), "id": take(connection, each.part, "event", 1), "received_at": each.at, "source": SOURCE,
        }  # fmt: skip
        connection.execute(insert_ignore(EVENT, connection.dialect.name).values(row))


def office(
    store: Store,
    channels: Mapping[str, Channel],
    contents: MessageContent | Mapping[int, MessageContent] | None = None,
    *,
    at: int = START,
) -> Office:
    """Set an office up; ``contents`` is what each node says, or what all of them say."""

    def content_of(version_id: int, node: int) -> MessageContent:
        found = contents.get(node) if isinstance(contents, Mapping) else contents or content()
        if found is None:
            raise NotFound("no such node")
        return found

    return Office(store, FixedClock(at), channels, JinjaRenderer(), content_of, LINKS, record_events)


def send(given: Office, **options: Any) -> DispatchReport:
    """Dispatch once."""
    return dispatch(given, **({"worker": WORKER} | options))
