"""What the links in messages do: note an open or a click, and let a contact unsubscribe, at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.channels.base import EVERYTHING, MessageKey
from engine.channels.consents import withdrawn
from engine.channels.happenings import (
    CLICKED,
    OPENED,
    SUBSCRIBED,
    UNSUBSCRIBED,
    Happening,
    RecordEvents,
    take_note,
)
from engine.channels.links import Links
from engine.channels.policy import MESSAGE
from engine.channels.prepare import ContentOf
from engine.clock import Clock
from engine.errors import EngineError
from engine.store.session import Store
from engine.store.tables import Contact, Topic
from engine.terms import HOUR, Json, Text, contact_hash

CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]
TOPIC: sa.Table = Topic.__table__  # type: ignore[attr-defined]

Place = tuple[int, int]
FollowContact = Callable[[Connection, int, int], Place | None]
"""Find where a contact is that was known under a part and an id: elsewhere after a merge, nowhere after erasure."""

MessagePlace = tuple[int, int, int, int, int]
FollowMessage = Callable[[Connection, int, MessagePlace], MessagePlace | None]
"""Find where a message is that had a key, given the number of parts: elsewhere after a merge of its contact."""


@dataclass(frozen=True)
class Standing:
    """What the page shows to a contact who may unsubscribe: the topic by name, and whether it is withdrawn."""

    topic: str
    name: Text
    locale: str | None
    withdrawn: bool


def stay(connection: Connection, part: int, contact_id: int) -> Place | None:
    """Find a contact where it always was."""
    here = sa.select(CONTACT.c.id).where(CONTACT.c.part == part, CONTACT.c.id == contact_id)
    return (part, contact_id) if connection.scalar(here) is not None else None


def same(_connection: Connection, _parts: int, message: MessagePlace) -> MessagePlace | None:
    """Find a message where it always was."""
    return message


@dataclass(frozen=True)
class Tracker:
    """Carry out what signed links ask for. Every method takes a token and says ``None`` to one that is not ours."""

    store: Store
    clock: Clock
    links: Links
    content_of: ContentOf
    record_events: RecordEvents
    follow: FollowContact = stay
    follow_message: FollowMessage = same

    def opened(self, token: str) -> bool:
        """Note that a message was opened, the first time; tell whether the token is ours."""
        key = self.links.read_pixel(token)
        if key is None:
            return False
        self._note(key, OPENED, f"{key}:opened", {})
        return True

    def clicked(self, token: str) -> str | None:
        """Note that a link was clicked, once an hour, and give the address it leads to."""
        click = self.links.read_click(token)
        if click is None:
            return None
        which = f"{contact_hash(click.target)}:{self.clock.micros() // HOUR}"
        self._note(click.key, CLICKED, f"{click.key}:clicked:{which}", {"url": click.target})
        return click.target

    def standing(self, token: str) -> Standing | None:
        """Tell what a contact would unsubscribe from; change nothing."""
        found = self.links.read_unsubscribe(token)
        if found is None:
            return None
        with self.store.read() as connection:
            place = self.follow(connection, found.key.part, found.key.contact_id)
            return _standing(connection, place, found.topic)

    def unsubscribe(self, token: str, *, everything: bool = False) -> Standing | None:
        """Withdraw consent to the message's topic on all channels, or to everything, at once."""
        return self._say(token, UNSUBSCRIBED, everything=everything)

    def subscribe(self, token: str, *, everything: bool = False) -> Standing | None:
        """Take a withdrawal back."""
        return self._say(token, SUBSCRIBED, everything=everything)

    def _say(self, token: str, name: str, *, everything: bool) -> Standing | None:
        found = self.links.read_unsubscribe(token)
        if found is None:
            return None
        now = self.clock.micros()
        properties: dict[str, Json] = {"message_key": str(found.key)}
        if not everything:
            properties["topic"] = found.topic
        with self.store.write() as connection:
            place = self.follow(connection, found.key.part, found.key.contact_id)
            row = None if place is None else _contact(connection, place)
            if place is not None and row is not None:
                message_id = f"{found.key}:{name}:{now}"
                happening = Happening(*place, row.workspace_id, name, now, properties, message_id)
                take_note(connection, self.record_events, [happening])
            return _standing(connection, place, found.topic)

    def _note(self, key: MessageKey, name: str, message_id: str, properties: dict[str, Json]) -> None:
        """Store a receipt of a message that is known; one of a message that was erased is nobody's."""
        with self.store.write() as connection:
            found = self.follow_message(connection, self.store.parts, key)
            if found is None:
                return
            key = MessageKey(*found)
            message = connection.execute(
                sa.select(MESSAGE.c.version_id, CONTACT.c.workspace_id)
                .join(CONTACT, sa.and_(CONTACT.c.part == MESSAGE.c.part, CONTACT.c.id == MESSAGE.c.contact_id))
                .where(*(MESSAGE.c[column] == value for column, value in key._asdict().items()))
            ).one_or_none()
            if message is None:
                return
            told: dict[str, Json] = {"message_key": str(key), **self._where(message.version_id, key.node), **properties}
            now = self.clock.micros()
            happening = Happening(key.part, key.contact_id, message.workspace_id, name, now, told, message_id)
            take_note(connection, self.record_events, [happening])

    def _where(self, version_id: int, node: int) -> dict[str, Json]:
        try:
            content = self.content_of(version_id, node)
        except EngineError:
            return {}
        return {"node": content.node, "flow": content.flow_key}


def _contact(connection: Connection, place: Place) -> Any:
    part, contact_id = place
    return connection.execute(
        sa.select(CONTACT.c.workspace_id, CONTACT.c.locale).where(CONTACT.c.part == part, CONTACT.c.id == contact_id)
    ).one_or_none()


def _standing(connection: Connection, place: Place | None, topic: str) -> Standing:
    row = None if place is None else _contact(connection, place)
    if place is None or row is None:
        # Nobody is left to write to, which is what was asked for.
        return Standing(topic, topic, None, withdrawn=True)
    named = sa.select(TOPIC.c.name).where(TOPIC.c.workspace_id == row.workspace_id, TOPIC.c.key == topic)
    name: Text = connection.scalar(named) or topic
    no = connection.scalar(sa.select(withdrawn(*place, topic, EVERYTHING)))
    return Standing(topic, name, row.locale, withdrawn=bool(no))
