import hashlib

import pytest

from engine.access.keys import Holder, KeyRing, create, listed, note_use, revoke, verify
from engine.errors import NotFound
from engine.store.session import Store
from tests.people.sights import NOW, rows_in


def test_a_key_is_shown_once_and_only_its_hash_is_stored(store: Store) -> None:
    with store.write() as connection:
        made = create(connection, "web site", now=NOW)
    prefix, _, secret = made.text.partition(".")
    assert prefix == f"dlw_{made.id}"
    assert len(secret) >= 32
    ((digest,),) = rows_in(store, "write_key", "digest")
    assert digest == hashlib.sha256(made.text.encode()).hexdigest()
    with store.read() as connection:
        (line,) = listed(connection)
        assert verify(connection, made.text) == Holder(made.id, 1)
    assert (line.id, line.name, line.scope, line.created_at, line.revoked_at) == (
        made.id,
        "web site",
        "ingest",
        NOW,
        None,
    )
    assert secret not in str(line)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text + "x",
        lambda text: text.upper(),
        lambda text: text.replace("dlw_", "dlx_"),
        lambda text: text.partition(".")[0],
        lambda text: text.partition(".")[0] + ".",
        lambda text: "dlw_." + text.partition(".")[2],
        lambda text: "",
        lambda text: "\ud800",
        lambda text: "dlw_\x00.x",
        lambda text: "dlw_" + "x" * 10_000 + ".y",
    ],
)
def test_what_is_no_key(store: Store, spoil: "object") -> None:
    with store.write() as connection:
        made = create(connection, "a", now=NOW)
        assert verify(connection, spoil(made.text)) is None  # type: ignore[operator]


def test_a_revoked_key_opens_nothing(store: Store) -> None:
    with store.write() as connection:
        made, other = create(connection, "a", now=NOW), create(connection, "b", now=NOW + 1)
        revoke(connection, made.id, now=NOW + 5)
        revoke(connection, made.id, now=NOW + 9)
        assert verify(connection, made.text) is None
        assert verify(connection, other.text) is not None
        assert [line.revoked_at for line in listed(connection)] == [NOW + 5, None]
        with pytest.raises(NotFound):
            revoke(connection, "nobody", now=NOW)


def test_keys_belong_to_workspaces(store: Store) -> None:
    with store.write() as connection:
        made = create(connection, "a", now=NOW, workspace_id=2)
        assert verify(connection, made.text) == Holder(made.id, 2)
        assert listed(connection) == []
        with pytest.raises(NotFound):
            revoke(connection, made.id, now=NOW)


def test_use_is_noted(store: Store) -> None:
    with store.write() as connection:
        made = create(connection, "a", now=NOW)
        note_use(connection, {made.id}, now=NOW + 1)
        assert listed(connection)[0].used_at == NOW + 1


class Seconds:
    """A clock for the ring."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_ring_trusts_a_key_for_a_moment_only(store: Store) -> None:
    seconds = Seconds()
    ring = KeyRing(store, seconds=3, elapsed=seconds)
    with store.write() as connection:
        made = create(connection, "a", now=NOW)
    assert ring.verify(made.text) == Holder(made.id, 1)
    with store.write() as connection:
        revoke(connection, made.id, now=NOW)
    seconds.now += 2.9
    assert ring.verify(made.text) == Holder(made.id, 1)
    seconds.now += 0.1
    assert ring.verify(made.text) is None
    assert ring.verify(made.text) is None


def test_the_ring_does_not_remember_what_is_no_key(store: Store) -> None:
    ring = KeyRing(store)
    assert ring.verify("dlw_nobody.secret") is None
    with store.write() as connection:
        made = create(connection, "a", now=NOW)
    assert ring.verify(made.text) is not None
    ring.forget()
    with store.write() as connection:
        revoke(connection, made.id, now=NOW)
    assert ring.verify(made.text) is None
