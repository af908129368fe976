from typing import Any

import pytest
import sqlalchemy as sa

from engine.people.contacts import ContactRow
from engine.people.events import Recorded, record
from engine.people.purging import REPEATABLE, purge
from engine.people.segment_api import Envelope, IncomingEvent, read_call
from engine.people.upserting import upsert
from engine.store.session import Store
from engine.store.tables import Event
from engine.terms import SECOND
from tests.people.sights import NOW, contact, counted, maybe, rows_in

EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]


def call(kind: str = "track", user: str | None = "ann", **said: Any) -> IncomingEvent:
    envelope = Envelope(said.pop("source", "key"), said.pop("now", NOW), said.pop("workspace", 1))
    base = {"userId": user, "event": "used", "messageId": said.pop("id", None)}
    return read_call({**base, **said}, envelope, kind)


def put(store: Store, *rows: IncomingEvent) -> Recorded:
    with store.write() as connection:
        return record(connection, store.parts, rows)


def names(store: Store, key: str) -> list[str]:
    facts = contact(store, key)
    with store.read() as connection:
        mine = sa.select(EVENT.c.name).where(EVENT.c.part == facts.part, EVENT.c.contact_id == facts.id)
        return list(connection.scalars(mine.order_by(EVENT.c.at, EVENT.c.id)))


def test_an_event_is_stored_and_makes_its_contact(store: Store) -> None:
    done = put(store, call(properties={"plan": "pro"}, timestamp="2026-03-01T08:00:00Z", id="m"))
    assert done == Recorded(events=1, created=1)
    facts = contact(store, "ann")
    (row,) = rows_in(
        store, "event", "part", "contact_id", "name", "at", "received_at", "source", "message_id", "properties"
    )
    then = NOW - 3_600 * SECOND
    assert row == (facts.part, facts.id, "used", then, NOW, "key", "m", {"plan": "pro"})
    assert facts.created_at == then


def test_a_message_counts_once(store: Store) -> None:
    rows = [call(id="a"), call(id="b"), call(id="a"), call(id="a", source="other"), call(user="bob", id="c")]
    assert put(store, *rows) == Recorded(events=4, repeated=1, created=2)
    assert put(store, *rows, call(id="d")) == Recorded(events=1, repeated=5)
    assert len(rows_in(store, "event", "id")) == 5


def test_events_are_numbered_in_their_order(store: Store) -> None:
    put(store, *(call(id=f"a{number}") for number in range(5)))
    put(store, *(call(id=f"a{number}", event=f"e{number}") for number in range(3, 9)))
    put(store, *(call(id=f"b{number}") for number in range(3)))
    numbers = [number for (number,) in rows_in(store, "event", "id")]
    assert len(set(numbers)) == 12
    assert names(store, "ann") == ["used"] * 5 + ["e5", "e6", "e7", "e8"] + ["used"] * 3


def test_identify_merges_facts_in_the_order_of_the_calls(store: Store) -> None:
    put(store, call("identify", traits={"email": "1@example.com", "plan": "free", "seats": 5}, id="1"))
    done = put(
        store,
        call("identify", traits={"email": "2@example.com", "plan": "pro"}, id="2"),
        call(id="3"),
        call("identify", traits={"email": None, "city": "Köln"}, id="4"),
    )
    assert done == Recorded(events=1, changed=1)
    facts = contact(store, "ann")
    assert facts.email is None
    assert facts.attributes == {"plan": "pro", "seats": 5, "city": "Köln"}


def test_a_repeated_identify_does_not_bring_old_facts_back(store: Store) -> None:
    first = call("identify", traits={"plan": "free"}, id="1")
    put(store, first)
    put(store, call("identify", traits={"plan": "pro"}, id="2"))
    assert put(store, first, first) == Recorded(repeated=2)
    assert contact(store, "ann").attributes == {"plan": "pro"}


def test_context_is_taken_over(store: Store) -> None:
    put(store, call(context={"timezone": "Asia/Tokyo", "locale": "ja"}))
    assert contact(store, "ann")[5:7] == ("Asia/Tokyo", "ja")
    before = contact(store, "ann").changed
    assert put(store, call(context={"timezone": "Asia/Tokyo"})).changed == 0
    assert contact(store, "ann").changed == before
    assert put(store, call(context={"timezone": "Europe/Berlin"})).changed == 1


def test_group_gives_the_contact_an_account(store: Store) -> None:
    put(
        store, call("group", groupId="acme", traits={"name": "Acme"}), call("group", groupId="acme", traits={"size": 5})
    )
    assert contact(store, "ann").account_id is not None
    assert {(name, str(said)) for name, said in rows_in(store, "account", "name", "attributes")} == {
        ("Acme", "{'size': 5}")
    }


def test_an_anonymous_contact_becomes_the_user(store: Store) -> None:
    put(store, call(user=None, anonymousId="anon", event="looked", id="1"))
    done = put(store, call("identify", anonymousId="anon", traits={"email": "ann@example.com"}, id="2"))
    assert (done.created, done.merged) == (1, 1)
    assert names(store, "ann") == ["looked"]
    put(store, call(user=None, anonymousId="anon", event="back", id="3"))
    assert names(store, "ann") == ["looked", "back"]
    assert contact(store, "anon").key == "ann"


def test_an_anonymous_id_that_nobody_has_yet(store: Store) -> None:
    put(
        store,
        call(anonymousId="anon", id="1"),
        call(user=None, anonymousId="anon2", id="2"),
        call(anonymousId="anon2", id="3"),
    )
    assert contact(store, "anon").key == "ann"
    assert contact(store, "anon2").key == "ann"
    assert names(store, "ann") == ["used"] * 3


def test_a_shared_device_does_not_make_one_of_two_users(store: Store) -> None:
    put(store, call(user="ann", anonymousId="device"), call(user="bob", anonymousId="bob-device"))
    done = put(store, call(user="bob", anonymousId="device"))
    assert done.merged == 0
    assert contact(store, "device").key == "ann"
    assert (names(store, "ann"), names(store, "bob")) == (["used"], ["used", "used"])


def test_a_known_contact_is_not_taken_for_an_anonymous_one(store: Store) -> None:
    with store.write() as connection:
        upsert(connection, store.parts, 1, [ContactRow("victim", "v@example.com")], NOW)
    assert put(store, call(anonymousId="victim")).merged == 0
    assert contact(store, "victim").email == "v@example.com"


@pytest.mark.parametrize("known", [False, True])
def test_alias_joins_two_keys(store: Store, known: bool) -> None:
    if known:
        put(store, call(user="old", event="before", id="0"))
    done = put(
        store,
        call("alias", previousId="old", id="1"),
        call(user="old", event="after", id="2"),
        call("alias", previousId="old", id="1"),
    )
    assert (done.merged, done.repeated) == (int(known), 1)
    assert contact(store, "old").key == "ann"
    assert names(store, "ann") == ["before", "after"][not known :]


def test_alias_to_itself_changes_nothing(store: Store) -> None:
    put(store, call(id="1"))
    assert put(store, call("alias", previousId="ann", id="2")).merged == 0
    assert names(store, "ann") == ["used"]


def test_workspaces_are_apart(store: Store) -> None:
    put(store, call(id="1"), call(workspace=2, id="1", source="two"), call(id="2"))
    assert sorted(rows_in(store, "contact", "workspace_id", "key")) == [(1, "ann"), (2, "ann")]
    assert names(store, "ann") == ["used", "used"]


def test_statements_do_not_grow_with_calls(store: Store) -> None:
    def cost(count: int, prefix: str) -> list[int]:
        rows = [
            call(kind, user=f"{prefix}{number}", id=f"{prefix}{kind}{number}", context={"locale": "de"}, groupId="g")
            for number in range(count)
            for kind in ("track", "identify", "group", "page")
        ]
        costs = []
        for batch in (rows, rows):
            with counted(store) as statements:
                put(store, *batch)
                costs.append(statements())
        return costs

    cost(60, "w")  # afterwards every part has a copy of the account
    assert cost(60, "x") == cost(120, "y")


def test_old_calls_are_forgotten(store: Store) -> None:
    put(store, call("identify", id="1"), call("identify", id="2", now=NOW + SECOND))
    with store.write() as connection:
        assert purge(connection, store.parts, now=NOW + REPEATABLE + 1) == 1
        assert purge(connection, store.parts, now=NOW + REPEATABLE + 1) == 0
    assert maybe(store, "ann") is not None


def test_events_know_where_their_contact_went(store: Store) -> None:
    """A message that was heard under a key that is an alias now is not heard again."""
    put(store, call(user="old", id="1"))
    put(store, call("alias", previousId="old", id="2"))
    assert put(store, call(user="old", id="1")) == Recorded(repeated=1)
