"""The built-in inbox: where messages go while no server is set for their channel. It can be read on a page."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from engine.channels.base import Outcome, Outgoing, sent
from engine.store.dialect import insert_ignore
from engine.store.session import Store
from engine.store.tables import Inbox

INBOX: sa.Table = Inbox.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class InboxChannel:
    """Deliver into the table ``inbox``; a message that is there already is not written twice."""

    store: Store
    keyed: bool = True
    batch: int = 100

    async def open(self) -> None:
        """Do nothing."""

    async def deliver(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Write messages down.

        Cost: one statement.
        """
        await asyncio.to_thread(self._write, messages)
        return [sent("inbox")] * len(messages)

    async def close(self) -> None:
        """Do nothing."""

    def _write(self, messages: Sequence[Outgoing]) -> None:
        with self.store.write() as connection:
            connection.execute(insert_ignore(INBOX, self.store.name), [_row(message) for message in messages])


def _row(message: Outgoing) -> dict[str, object]:
    return {
        "part": message.key.part,
        "message_key": str(message.key),
        "contact_id": message.key.contact_id,
        "channel": message.channel,
        "at": message.at,
        "address": message.address,
        "subject": message.subject,
        "body": {"html": message.html, "text": message.text, "from": message.sender, "locale": message.locale},
    }
