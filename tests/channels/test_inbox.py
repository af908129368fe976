"""The built-in inbox: whoever delivers again changes nothing of what is there."""

import asyncio

import pytest
import sqlalchemy as sa

from engine.channels.base import MessageKey, Outgoing
from engine.channels.inbox import INBOX, InboxChannel
from engine.store.session import Store

MANY = 120
"""More than are written by one statement, and no multiple of it."""


def _letter(number: int, text: str = "Hello") -> Outgoing:
    return Outgoing(
        key=MessageKey(0, number, 1, 0, 0),
        channel="email",
        address=f"c{number}@example.com",
        subject='Grüße, 你好 \\ \t "',
        html=f"<p>{text}</p>",
        text=f"{text}\n\\N\n",
        sender="",
        locale="zh-CN",
        unsubscribe_url="",
        at=17,
    )


def _deliver(store: Store, letters: list[Outgoing]) -> None:
    channel = InboxChannel(store)
    assert [each.state for each in asyncio.run(channel.deliver(letters))] == ["sent"] * len(letters)


def _kept(store: Store) -> list[tuple[object, ...]]:
    chosen = sa.select(INBOX.c.contact_id, INBOX.c.address, INBOX.c.subject, INBOX.c.body, INBOX.c.at)
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(chosen.order_by(INBOX.c.contact_id))]


def test_what_is_delivered_is_kept_as_it_was_said(store: Store) -> None:
    _deliver(store, [_letter(number) for number in range(MANY)])
    body = {"html": "<p>Hello</p>", "text": "Hello\n\\N\n", "from": "", "locale": "zh-CN"}
    assert _kept(store) == [
        (number, f"c{number}@example.com", 'Grüße, 你好 \\ \t "', body, 17) for number in range(MANY)
    ]


@pytest.mark.parametrize("first", [0, 60, MANY - 1])
def test_what_is_there_already_stays_and_the_others_come(store: Store, first: int) -> None:
    _deliver(store, [_letter(first)])
    _deliver(store, [_letter(number, "Again") for number in range(MANY)])
    said = [row[3]["text"].split("\n")[0] for row in _kept(store)]  # type: ignore[index]
    assert said == ["Hello" if number == first else "Again" for number in range(MANY)]
