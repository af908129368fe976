"""The built-in inbox: where messages go while no server is set for their channel. It can be read on a page."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import sqlalchemy as sa

from engine.channels.base import Outcome, Outgoing, sent
from engine.store.dialect import insert_free_rows, insert_ignore
from engine.store.session import Store
from engine.store.tables import Inbox

INBOX: sa.Table = Inbox.__table__  # type: ignore[attr-defined]

_COLUMNS: Final = ("part", "message_key", "contact_id", "channel", "at", "address", "subject", "body")


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

        Cost: as ``insert_rows``; where one of them is there already, once more and a statement each.
        """
        await asyncio.to_thread(self._write, messages)
        return [sent("inbox")] * len(messages)

    async def close(self) -> None:
        """Do nothing."""

    def _write(self, messages: Sequence[Outgoing]) -> None:
        rows = [_row(message) for message in messages]
        with self.store.write() as connection:
            if not insert_free_rows(
                connection, INBOX, _COLUMNS, [(*row, orjson.dumps(body).decode()) for *row, body in rows]
            ):
                again = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
                connection.execute(insert_ignore(INBOX, self.store.name), again)


def _row(message: Outgoing) -> tuple[Any, ...]:
    key = message.key
    body = {"html": message.html, "text": message.text, "from": message.sender, "locale": message.locale}
    return (key.part, str(key), key.contact_id, message.channel, message.at, message.address, message.subject, body)
