"""Write keys: who may send events. A key is shown once; the store has only its SHA-256."""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.errors import NotFound
from engine.store.session import Store
from engine.store.tables import WriteKey
from engine.terms import Micros

KEY: sa.Table = WriteKey.__table__  # type: ignore[attr-defined]

PREFIX: Final = "dlw"
"""What write keys begin with, so that one that leaked is recognised."""

INGEST: Final = "ingest"
TRUSTED_SECONDS: Final = 3.0
"""So long a key that was good is taken for good without a look into the store."""

REMEMBERED: Final = 10_000
LONGEST: Final = 200


class Made(NamedTuple):
    """A new key: its id, and the text that is never shown again."""

    id: str
    text: str


class KeyLine(NamedTuple):
    """A key as it is listed."""

    id: str
    name: str
    scope: str
    created_at: Micros
    revoked_at: Micros | None
    used_at: Micros | None


class Holder(NamedTuple):
    """Whose key it is: the key's id and its workspace."""

    id: str
    workspace_id: int


def create(connection: Connection, name: str, *, now: Micros, workspace_id: int = 1) -> Made:
    """Make a write key."""
    id_ = secrets.token_hex(6)
    text = f"{PREFIX}_{id_}.{secrets.token_urlsafe(24)}"
    row = {"id": id_, "workspace_id": workspace_id, "name": name, "digest": _digest(text), "scope": INGEST}
    connection.execute(KEY.insert().values(**row, created_at=now))
    return Made(id_, text)


def listed(connection: Connection, workspace_id: int = 1) -> list[KeyLine]:
    """List the keys of a workspace, oldest first, also revoked ones."""
    columns = (KEY.c[name] for name in KeyLine._fields)
    chosen = sa.select(*columns).where(KEY.c.workspace_id == workspace_id).order_by(KEY.c.created_at, KEY.c.id)
    return [KeyLine._make(row) for row in connection.execute(chosen)]


def revoke(connection: Connection, id_: str, *, now: Micros, workspace_id: int = 1) -> None:
    """Let a key open nothing any more, at the latest ``TRUSTED_SECONDS`` from now; once more changes nothing.

    Errors: ``NotFound``.
    """
    mine = sa.and_(KEY.c.id == id_, KEY.c.workspace_id == workspace_id)
    if connection.scalar(sa.select(KEY.c.id).where(mine)) is None:
        raise NotFound(f"there is no key {id_!r}; list them with dripline keys list", key=id_)
    connection.execute(KEY.update().values(revoked_at=now).where(mine, KEY.c.revoked_at.is_(None)))


def verify(connection: Connection, text: str) -> Holder | None:
    """Tell whose key this is; nothing when it is none, or was revoked.

    Cost: one statement. The digests are compared in constant time.
    """
    prefix, _, rest = text.partition("_")
    id_, dot, _ = rest.partition(".")
    if prefix != PREFIX or not dot or len(text) > LONGEST or "\x00" in text:
        return None
    row = connection.execute(
        sa.select(KEY.c.digest, KEY.c.workspace_id).where(KEY.c.id == id_, KEY.c.revoked_at.is_(None))
    ).one_or_none()
    if not hmac.compare_digest(_digest(text), row.digest if row else _digest("")):
        return None
    return Holder(id_, row.workspace_id) if row else None


def note_use(connection: Connection, ids: Iterable[str], *, now: Micros) -> None:
    """Note that keys were used."""
    connection.execute(KEY.update().values(used_at=now).where(KEY.c.id.in_(sorted(ids))))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class KeyRing:
    """Remember for a moment which keys are good, so that not every call asks the store.

    Keys are remembered by their digest only; what is no key is not remembered.
    """

    def __init__(
        self, store: Store, *, seconds: float = TRUSTED_SECONDS, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._seconds = seconds
        self._elapsed = elapsed
        self._good: OrderedDict[str, tuple[float, Holder]] = OrderedDict()
        self._lock = threading.Lock()

    def verify(self, text: str) -> Holder | None:
        """Tell whose key this is; nothing when it is none. A revocation counts after ``seconds`` at the latest."""
        digest, now = _digest(text), self._elapsed()
        with self._lock:
            until, holder = self._good.get(digest, (0.0, None))
        if holder is not None and now < until:
            return holder
        with self._store.read() as connection:
            holder = verify(connection, text)
        with self._lock:
            self._good.pop(digest, None)
            if holder is not None:
                self._good[digest] = (now + self._seconds, holder)
            while len(self._good) > REMEMBERED:
                self._good.popitem(last=False)
        return holder

    def forget(self) -> None:
        """Ask the store again about every key."""
        with self._lock:
            self._good.clear()
