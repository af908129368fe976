"""What a channel is: something that takes messages and says of each what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import NamedTuple, Protocol

from engine.terms import Json, Micros, Text

EMAIL, SMS, WECOM, WEBHOOK = "email", "sms", "wecom", "webhook"
DEFAULT_TOPIC = "marketing"
"""The topic of a message whose node names none."""

EVERYTHING = "*"
"""Stands in consents for all topics or all channels."""


class MessageKey(NamedTuple):
    """What tells one message from all others, for ever: derived from its enrollment, never random."""

    part: int
    contact_id: int
    enrollment_id: int
    node: int
    passing: int

    def __str__(self) -> str:
        return "-".join(map(str, self))

    @classmethod
    def parse(cls, text: str) -> "MessageKey":
        """Read what ``str`` wrote.

        Errors: ``ValueError``.
        """
        return cls(*(int(number) for number in text.split("-", 4)))


@dataclass(frozen=True)
class MessageContent:
    """What a send node of a flow version says; the same for all its contacts.

    ``trigger_events`` are the events by which contacts come into the flow: ``event.…`` in templates reads the last of
    them. ``preheader`` is what mail programs show behind the subject. ``quiet`` is the flow's quiet hours, ``late``
    how late the message may go. ``request`` is a webhook's.
    """

    channel: str
    node: str
    flow_key: str
    flow_name: Text
    topic: str = DEFAULT_TOPIC
    subject: Text | None = None
    preheader: Text | None = None
    html: Text | None = None
    text: Text | None = None
    sender: Text | None = None
    request: "Request | None" = None
    late: timedelta | None = None
    quiet: tuple[time, time] | None = None
    timezone: str | None = None
    trigger_events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """A webhook as its node gives it: every text is a template."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None


@dataclass(frozen=True)
class Outgoing:
    """One message, ready to be handed over."""

    key: MessageKey
    channel: str
    address: str
    at: Micros
    locale: str = "en"
    sender: str = ""
    subject: str = ""
    html: str = ""
    text: str = ""
    unsubscribe_url: str = ""
    request: Request | None = None


class Outcome(NamedTuple):
    """What became of an attempt.

    ``retry_after`` is the provider's wish, in microseconds; ``bounce`` means that the address does not exist.
    """

    state: str
    answer: str = ""
    retry_after: Micros | None = None
    bounce: bool = False


SENT, TEMPORARY, PERMANENT, IN_DOUBT = "sent", "temporary", "permanent", "in_doubt"
ANSWER_LENGTH = 500


def _kept(answer: str) -> str:
    """Shorten what the other end said to what every database takes as text."""
    return answer[:ANSWER_LENGTH].replace("\x00", "").encode(errors="replace").decode()


def sent(answer: str = "") -> Outcome:
    """Say that the message was taken."""
    return Outcome(SENT, _kept(answer))


def temporary(answer: str, retry_after: Micros | None = None) -> Outcome:
    """Say that the message was certainly not taken, and may be later."""
    return Outcome(TEMPORARY, _kept(answer), retry_after)


def permanent(answer: str, *, bounce: bool = False) -> Outcome:
    """Say that the message was not taken and never will be."""
    return Outcome(PERMANENT, _kept(answer), bounce=bounce)


def in_doubt(answer: str) -> Outcome:
    """Say that nobody can tell whether the message was taken."""
    return Outcome(IN_DOUBT, _kept(answer))


class Channel(Protocol):
    """A way to deliver.

    ``keyed`` says that its other end recognises a repeat by the message's key, so that an attempt in doubt may be
    repeated. ``batch`` is how many messages one call takes. It is opened and closed around each round of dispatch,
    in one event loop.
    """

    @property
    def keyed(self) -> bool:
        """Whether repeating a message that was taken does no harm."""

    @property
    def batch(self) -> int:
        """How many messages one call of ``deliver`` takes."""

    async def open(self) -> None:
        """Get ready for calls of ``deliver`` in the running event loop."""

    async def deliver(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Hand messages over and say what became of each, in order.

        Errors: none for what goes wrong outside; that is an outcome.
        """

    async def close(self) -> None:
        """Give back what ``open`` and ``deliver`` took."""
