"""What is known of one contact at an instant: the plainest possible store, fed as time goes on."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from engine.terms import contact_hash

Json: TypeAlias = dict[str, Any]

BUILT_IN = ("id", "email", "phone", "timezone", "locale", "stage", "created_at")
WRITABLE = ("email", "phone", "timezone", "locale", "stage")

UNSUBSCRIBED = ("unsubscribed", "Unsubscribed")
SUBSCRIBED = ("subscribed", "Subscribed")

RECEIPTS: dict[str, str] = {
    **{f"message_{what}": what for what in ("delivered", "opened", "clicked", "bounced", "replied", "complained")},
    **{
        prefix + what: what
        for prefix in ("", "email_", "sms_")
        for what in ("delivered", "opened", "clicked", "bounced", "replied")
    },
    "Email Delivered": "delivered",
    "Email Opened": "opened",
    "Email Link Clicked": "clicked",
    "Email Bounced": "bounced",
    "Email Marked as Spam": "complained",
}
"""Names of events that tell how a message fared."""

PASSIVE = ("delivered", "opened", "bounced", "complained")
"""Receipts that are no sign of life of the contact."""


def instant_of(text: str) -> datetime:
    """Read an instant of a document or an events file."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return instant.astimezone(UTC)


@dataclass(frozen=True)
class Event:
    name: str
    at: datetime
    properties: Json


@dataclass
class Message:
    """What a send node made of one pass; ``reason`` says why nothing was sent."""

    flow: str
    node: str
    channel: str
    reason: str | None = None
    fared: set[str] = field(default_factory=set)

    @property
    def sent(self) -> bool:
        return self.reason is None


@dataclass
class Person:
    """One contact: its facts, the events so far in order, and its messages so far in order."""

    key: str
    created_at: datetime
    email: str | None = None
    phone: str | None = None
    timezone: str | None = None
    locale: str | None = None
    stage: str | None = None
    account: str | None = None
    account_attributes: Json = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    attributes: Json = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, raw: Json, created_at: datetime, accounts: dict[str, Json]) -> "Person":
        account = raw.get("account") or None
        return cls(
            key=str(raw["id"]),
            created_at=created_at,
            email=raw.get("email") or None,
            phone=raw.get("phone") or None,
            timezone=raw.get("timezone") or None,
            locale=raw.get("locale") or None,
            stage=raw.get("stage") or None,
            account=account,
            account_attributes=accounts.get(account or "", {}),
            tags=set(raw.get("tags", [])),
            attributes=dict(raw.get("attributes", {})),
        )

    @property
    def hash(self) -> int:
        return contact_hash(self.key)

    def value(self, name: str) -> Any:
        """Look an attribute up; nothing when it is missing."""
        if name == "id":
            return self.key
        if name in BUILT_IN:
            return getattr(self, name)
        if name.startswith("account."):
            return self._account_value(name.removeprefix("account."))
        if name == "score":
            return self.attributes.get("score", self.attributes.get("value"))
        if name not in self.attributes and name.startswith("score."):
            return self.attributes.get(name.removeprefix("score."))
        return self.attributes.get(name)

    def _account_value(self, name: str) -> Any:
        return self.account if name == "id" else self.account_attributes.get(name)

    def set(self, name: str, value: Any) -> None:
        if name in WRITABLE:
            setattr(self, name, value)
        else:
            self.attributes[name] = value

    def address(self, channel: str) -> str | None:
        match channel:
            case "email":
                return self.email
            case "sms":
                return self.phone
            case _:
                return self.attributes.get("wecom_id")

    def learn(self, event: Event) -> None:
        """Take an event in: history, and for a receipt what it says of a message."""
        self.events.append(event)
        what = RECEIPTS.get(event.name)
        message = self._message_of(event.properties) if what else None
        if what and message:
            message.fared.add(what)
            if what in ("bounced", "complained"):
                self.refused.setdefault(message.channel, "bounced" if what == "bounced" else "suppressed")

    def _message_of(self, properties: Json) -> Message | None:
        node = properties.get("node") or properties.get("message")
        flow = properties.get("flow")
        found = (m for m in reversed(self.messages) if m.node == node and m.sent and flow in (None, m.flow))
        return next(found, None)

    def may_receive(self, topic: str, channel: str | None) -> bool:
        """Tell whether the contact's last word that covers topic and channel is not a withdrawal.

        Without a channel only words about all channels count. Of a yes and a no at one instant the no counts.
        """
        words: dict[tuple[str, str], tuple[datetime, bool]] = {}
        for event in self.events:
            if event.name in UNSUBSCRIBED or event.name in SUBSCRIBED:
                about = event.properties.get("topic") or "*", event.properties.get("channel") or "*"
                words[about] = event.at, event.name in UNSUBSCRIBED
        covering = [word for about, word in words.items() if about[0] in (topic, "*") and about[1] in (channel, "*")]
        return not covering or not max(covering)[1]

    def last_active(self) -> datetime:
        """Give the instant of the last event that is a sign of life; without one, of the creation."""
        lively = [e.at for e in self.events if RECEIPTS.get(e.name) not in PASSIVE]
        return lively[-1] if lively else self.created_at
