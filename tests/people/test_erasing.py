from typing import Any

import pytest
import sqlalchemy as sa

from engine.people import aliases, refusals
from engine.people.contacts import ERASED, ContactRow, home
from engine.people.erasing import erase
from engine.people.merging import merge
from engine.people.segment_api import Refusal
from engine.people.upserting import upsert
from engine.run import invariants
from engine.store.session import Store
from engine.store.tables import metadata
from engine.wiring import Wiring
from tests.people.sights import NOW, contact, maybe, rows_in
from tests.support.engines import add_contacts, engine_on, go_live, happen, pass_time, settle, tick

SECRETS = ("ann-key", "ann-old", "ann@secret.example", "+49-secret", "Ann Secret", "secret-tag", "ann-wecom")


def put(store: Store, *rows: ContactRow) -> None:
    with store.write() as connection:
        upsert(connection, store.parts, 1, rows, NOW)


def wipe(store: Store, key: str, now: int = NOW) -> bool:
    with store.write() as connection:
        return erase(connection, store.parts, key, now=now)


def told(store: Store) -> str:
    """Write everything down that any table says."""
    with store.read() as connection:
        rows = (row for table in metadata.sorted_tables for row in connection.execute(sa.select(table)))
        return "\n".join(str(tuple(row)) for row in rows)


@pytest.fixture
def wiring(store: Store) -> Wiring:
    """Give an engine with a contact in the middle of a flow who left traces everywhere."""
    wiring = engine_on(store)
    go_live(wiring)
    facts: dict[str, Any] = {"attributes": {"name": "Ann Secret", "wecom_id": "ann-wecom"}, "tags": ("secret-tag",)}
    put(store, ContactRow("ann-key", "ann@secret.example", "+49-secret", **facts), ContactRow("ann-old"))
    add_contacts(wiring, "bob")
    with store.write() as connection:
        merge(connection, store.parts, "ann-key", "ann-old", now=NOW)
        refused = [
            Refusal(0, "event", "event is missing", '{"userId":"ann-key"}'),
            Refusal(1, "email", "'ann@secret.example' is bad", '{"traits":{"email":"ann@secret.example"}}'),
            Refusal(2, "event", "event is missing", '{"userId":"bob"}'),
        ]
        refusals.keep(connection, 1, "key", refused, now=NOW)
    happen(wiring, "ann-key", "signed_up", who="Ann Secret")
    happen(wiring, "bob", "signed_up", who="Bob")
    settle(wiring)
    pass_time(wiring, "1h")
    return wiring


def test_who_it_was_is_gone_everywhere(wiring: Wiring) -> None:
    store = wiring.store
    assert [word for word in SECRETS if word not in told(store)] == []
    assert wipe(store, "ann-old", wiring.clock.micros())
    assert [word for word in SECRETS if word in told(store)] == []
    assert maybe(store, "ann-key") is maybe(store, "ann-old") is None
    assert "Bob" in told(store)
    assert sorted(rows_in(store, "event_refusal", "position", "payload")) == [(0, ""), (1, ""), (2, '{"userId":"bob"}')]


def test_once_more_changes_nothing(wiring: Wiring) -> None:
    assert wipe(wiring.store, "ann-key")
    before = told(wiring.store)
    assert not wipe(wiring.store, "ann-key")
    assert told(wiring.store) == before


def test_what_happened_is_still_counted(wiring: Wiring) -> None:
    store = wiring.store
    counts = {
        name: len(rows_in(store, name, "part")) for name in ("event", "journal", "message", "delivery", "contact")
    }
    now = wiring.clock.micros()
    wipe(store, "ann-key", now)
    assert counts == {name: len(rows_in(store, name, "part")) for name in counts}
    assert sorted(rows_in(store, "enrollment", "state", "ended_at")) == [("active", None), ("erased", now)]
    assert len(rows_in(store, "token", "id")) == 1
    with store.read() as connection:
        (version,) = connection.scalars(sa.select(metadata.tables["flow_version"].c.id))
        plan = wiring.deployments.plan(connection, version)
        assert plan is not None
        found = invariants.violations(connection, [plan], store.parts, now)
    assert {code: count for code, count in found.items() if count} == {}


def test_nothing_more_is_sent(wiring: Wiring) -> None:
    store = wiring.store
    happen(wiring, "ann-key", "bought")
    add_contacts(wiring, "eve")
    happen(wiring, "eve", "signed_up")
    tick(wiring)
    wipe(store, "eve", wiring.clock.micros())
    wipe(store, "ann-key", wiring.clock.micros())
    assert sorted(state for (state,) in rows_in(store, "message", "state")) == ["sent", "sent", "suppressed"]
    for _ in range(2):
        pass_time(wiring, "25h")
        settle(wiring)
    assert sorted(state for (state,) in rows_in(store, "message", "state")) == ["sent", "sent", "sent", "suppressed"]


def test_its_addresses_are_not_written_to_again(wiring: Wiring) -> None:
    store = wiring.store
    wipe(store, "ann-key")
    put(store, ContactRow("ann-key", "ANN@secret.example"), ContactRow("new", phone="+49-secret"), ContactRow("other"))
    for key, restricted in (("ann-key", True), ("new", True), ("other", False)):
        assert contact(store, key).restricted is restricted
    happen(wiring, "ann-key", "signed_up")
    settle(wiring)
    assert ("suppressed", "suppressed") in rows_in(store, "message", "state", "reason")


def test_the_place_stays_in_its_part(wiring: Wiring) -> None:
    store = wiring.store
    facts = contact(store, "ann-key")
    wipe(store, "ann-key")
    left = [row for row in rows_in(store, "contact", "part", "id", "key", "hash") if row[2].startswith(ERASED)]
    (row,) = left
    assert row[:2] == (facts.part, facts.id)
    assert home(row[2], store.parts) == facts.part
    assert row[3] % store.parts == facts.part
    with store.read() as connection:
        assert aliases.follow(connection, facts.part, facts.id) is None
