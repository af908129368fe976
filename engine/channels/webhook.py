"""Webhooks, signed by the Standard Webhooks scheme: the message's key is the id, so that receivers know a repeat.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa

from engine.channels.base import Outcome, Outgoing, Request, permanent, sent, temporary
from engine.channels.egress import Answer, Egress, NoAnswer, NotAllowed, NotReached
from engine.store.dialect import insert_ignore
from engine.store.session import Store
from engine.store.tables import Meta
from engine.terms import SECOND, Json, Micros, from_micros

META: sa.Table = Meta.__table__  # type: ignore[attr-defined]

AGAIN: Final = frozenset({408, 409, 425, 429})
"""Client errors that pass."""

_PREFIX: Final = "whsec_"
_SECRET_NAME: Final = "webhook_secret"  # noqa: S105 - the name of the row, not the secret
_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE"})
_OURS: Final = ("webhook-", "host", "content-length", "transfer-encoding", "connection")


@dataclass
class WebhookChannel:
    """Deliver requests; a repeat has the same id, so doubt is resolved by sending again."""

    egress: Egress
    secret: str
    keyed: bool = True
    batch: int = 1

    async def open(self) -> None:
        """Make the client."""
        self.egress.open()

    async def deliver(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Make the requests, one after the other."""
        return [await self._deliver(message) for message in messages]

    async def close(self) -> None:
        """Give the client back."""
        await self.egress.close()

    async def _deliver(self, message: Outgoing) -> Outcome:
        request = message.request
        if request is None:
            return permanent("there is no request to make")
        body = b"" if request.method in _BODILESS else write_body(request.body)
        headers = {**_headers(request), **sign(self.secret, str(message.key), message.at, body)}
        try:
            answer = await self.egress.send(request.method, request.url, headers, body)
        except NotAllowed as refusal:
            return permanent(refusal.message)
        except (NotReached, NoAnswer) as fault:
            return temporary(fault.message)
        return judge(answer, message.at)


def judge(answer: Answer, now: Micros) -> Outcome:
    """Read from a status what became of a request that may be repeated."""
    told = f"{answer.status} {answer.text}"
    if 200 <= answer.status < 300:
        return sent(told)
    if answer.status in AGAIN or answer.status >= 500:
        return temporary(told, retry_after(answer.headers, now))
    return permanent(told)


def retry_after(headers: Mapping[str, str], now: Micros) -> Micros | None:
    """Read how long a server asks us to wait: seconds or a date."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9]) * SECOND
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware: datetime = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, int((aware - from_micros(now)).total_seconds() * SECOND))


def write_body(body: Json) -> bytes:
    """Write a request's body: a text as it is, anything else as JSON."""
    return body.encode() if isinstance(body, str) else orjson.dumps(body)


def _headers(request: Request) -> dict[str, str]:
    kind = "text/plain; charset=utf-8" if isinstance(request.body, str) else "application/json"
    own = {name.lower(): value for name, value in request.headers.items() if not name.lower().startswith(_OURS)}
    return {"content-type": kind, "user-agent": "Dripline", **own}


def sign(secret: str, message_id: str, at: Micros, body: bytes) -> dict[str, str]:
    """Sign a body with its id and time, as receivers check it."""
    stamp = str(at // SECOND)
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    digest = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}


def webhook_secret(store: Store, settings: Mapping[str, Any]) -> str:
    """Give the secret that signs webhooks: of ``{"webhooks": {"secret": "whsec_…"}}``, else one made once.

    Cost: two statements.
    """
    given = (settings.get("webhooks") or {}).get("secret")
    if given:
        return str(given)
    with store.write() as connection:
        fresh = _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
        connection.execute(insert_ignore(META, store.name).values(name=_SECRET_NAME, value=fresh))
        return str(connection.scalar(sa.select(META.c.value).where(META.c.name == _SECRET_NAME)))
