"""Signed links in messages: opens, clicks, unsubscribing. What a link does is inside of what is signed.

A token is good for its own purpose only, and for ever: an old message must still be able to unsubscribe.
"""

import hashlib
import hmac
import secrets
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson
import sqlalchemy as sa
from itsdangerous import BadSignature, URLSafeSerializer

from engine.channels.base import MessageKey
from engine.store.dialect import insert_ignore
from engine.store.session import Store
from engine.store.tables import Meta

META: sa.Table = Meta.__table__  # type: ignore[attr-defined]

OPEN, CLICK, UNSUBSCRIBE = "open", "click", "unsubscribe"
_OF_ADDRESSES = bytes.maketrans(b"+/", b"-_")
SECRET_NAME = "link_secret"  # noqa: S105 - the name of the row, not the secret


class Click(NamedTuple):
    """Which message a click came from and where it leads."""

    key: MessageKey
    target: str


class Withdrawal(NamedTuple):
    """Which message a contact unsubscribes from, and its topic."""

    key: MessageKey
    topic: str


@dataclass(frozen=True)
class Links:
    """Write and read signed links below a public address.

    ``secrets`` may be several: the last one signs, all are believed.
    """

    base_url: str
    secrets: Sequence[str]

    def pixel(self, key: MessageKey) -> str:
        """Give the address of a message's tracking picture."""
        return f"{self._base}/t/o/{self._sign(OPEN, key)}.gif"

    def click(self, key: MessageKey, target: str) -> str:
        """Give the address that notes a click and leads on to a target."""
        return f"{self._base}/t/c/{self._sign(CLICK, key, target)}"

    def unsubscribe(self, key: MessageKey, topic: str) -> str:
        """Give the address of the page on which a message's contact unsubscribes."""
        return f"{self._base}/t/u/{self._sign(UNSUBSCRIBE, key, topic)}"

    def owns(self, url: str) -> bool:
        """Tell whether an address is one of these links already."""
        return url.startswith(f"{self._base}/t/")

    def read_pixel(self, token: str) -> MessageKey | None:
        """Read which message was opened; ``None`` for a token that is not ours."""
        found = self._read(OPEN, token, 0)
        return found[0] if found else None

    def read_click(self, token: str) -> Click | None:
        """Read a click; ``None`` for a token that is not ours."""
        found = self._read(CLICK, token, 1)
        return Click(found[0], found[1]) if found and is_web_address(found[1]) else None

    def read_unsubscribe(self, token: str) -> Withdrawal | None:
        """Read who wants to unsubscribe; ``None`` for a token that is not ours."""
        found = self._read(UNSUBSCRIBE, token, 1)
        return Withdrawal(found[0], found[1]) if found else None

    @property
    def _base(self) -> str:
        return self.base_url.rstrip("/")

    def _sign(self, purpose: str, key: MessageKey, *more: str) -> str:
        """Write a token as the library does, which derives its key and tries to pack every token anew."""
        payload = _encoded(orjson.dumps([*key, *more]))
        mac = _keyed(purpose, tuple(self.secrets)).copy()
        mac.update(payload)
        return f"{payload.decode('ascii')}.{_encoded(mac.digest()).decode('ascii')}"

    def _read(self, purpose: str, token: str, more: int) -> tuple[Any, ...] | None:
        try:
            values = _serializer(purpose, tuple(self.secrets)).loads(token)
        except BadSignature:
            return None
        if len(values) != len(MessageKey._fields) + more:
            return None
        return MessageKey(*values[: len(MessageKey._fields)]), *values[len(MessageKey._fields) :]


@lru_cache(maxsize=16)
def _serializer(purpose: str, secrets: tuple[str, ...]) -> URLSafeSerializer:
    options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeSerializer(list(secrets), salt=f"dripline.{purpose}", signer_kwargs=options)


@lru_cache(maxsize=16)
def _keyed(purpose: str, secrets: tuple[str, ...]) -> hmac.HMAC:
    return hmac.new(_serializer(purpose, secrets).make_signer().derive_key(), digestmod="sha256")


def _encoded(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(_OF_ADDRESSES).rstrip(b"=")


@lru_cache(maxsize=4096)
def is_web_address(url: str) -> bool:
    """Tell whether an address is plainly one of the web: no other scheme, no user, nothing that browsers read twice."""
    if any(sign <= " " or sign in "\\\x7f" for sign in url):
        return False
    try:
        found = urlsplit(url)
        port_is_fine = found.port is None or found.port > 0
    except ValueError:
        return False
    return found.scheme in ("http", "https") and bool(found.hostname) and "@" not in found.netloc and port_is_fine


def link_secrets(store: Store, given: str) -> list[str]:
    """List the secrets that sign links: the database's own, made once, and the one from the settings if there is one.

    Cost: two statements.
    """
    with store.write() as connection:
        made = insert_ignore(META, store.name).values(name=SECRET_NAME, value=secrets.token_urlsafe(32))
        connection.execute(made)
        own = connection.scalar(sa.select(META.c.value).where(META.c.name == SECRET_NAME))
    return [str(own), *([given] if given else [])]
