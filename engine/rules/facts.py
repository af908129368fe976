"""What rules may look at: everything that is known of one contact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.rules.attributes import locate
from engine.rules.model import Actual, At, Rule
from engine.terms import Json, Micros


@dataclass(frozen=True, slots=True)
class EventFact:
    """An event of the contact; ``seq`` tells the order of those of one instant."""

    at: Micros
    seq: int
    name: str
    properties: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MessageFact:
    """A message of this enrollment; ``receipts`` say when it was delivered, opened, clicked, bounced or replied."""

    node: str
    suppressed: bool = False
    receipts: Mapping[str, Micros] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """The contact's last word on a topic and a channel; ``*`` stands for all."""

    topic: str
    channel: str
    granted: bool
    at: Micros


@dataclass(frozen=True, slots=True)
class AccountFact:
    """The contact's account."""

    key: str
    name: str | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of one contact, and the rules of the segments."""

    key: str
    created_at: Micros
    email: str | None = None
    phone: str | None = None
    timezone: str | None = None
    locale: str | None = None
    stage: str | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)
    account: AccountFact | None = None
    tags: frozenset[str] = frozenset()
    events: Sequence[EventFact] = ()
    messages: Sequence[MessageFact] = ()
    consents: Sequence[ConsentFact] = ()
    segments: Mapping[str, Rule] = field(default_factory=dict)

    def value(self, name: str) -> Actual:
        """Look an attribute up by the name that rules and templates use; ``None`` if it is missing."""
        place = locate(name)
        if place.of_account:
            return self._account_value(place.key, built_in=place.built_in)
        if place.built_in:
            return self._built_in(place.key)
        value = self.attributes.get(place.key)
        return self.attributes.get(place.fallback) if value is None and place.fallback else value

    def _built_in(self, key: str) -> str | At | None:
        if key == "created_at":
            return At(self.created_at)
        columns = {"id": self.key, "email": self.email, "phone": self.phone, "timezone": self.timezone}
        return {**columns, "locale": self.locale, "stage": self.stage}[key]

    def _account_value(self, key: str, *, built_in: bool) -> Json:
        if self.account is None:
            return None
        if built_in:
            return self.account.key if key == "id" else self.account.name
        return self.account.attributes.get(key)
