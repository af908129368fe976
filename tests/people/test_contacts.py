from typing import Any

import pytest

from engine.people import accounts, aliases, consents, suppressions, tags
from engine.people.accounts import AccountRow, account_id
from engine.people.consents import ConsentRow
from engine.people.contacts import ContactRow, home, is_key, places_of
from engine.people.suppressions import SuppressionRow, hash_address
from engine.people.upserting import Upserted, fold, upsert
from engine.store.session import Store
from tests.people.sights import NOW, contact, counted, maybe, rows_in, tags_of


def put(store: Store, *rows: ContactRow, now: int = NOW, **options: Any) -> Upserted:
    with store.write() as connection:
        return upsert(connection, store.parts, 1, rows, now, **options)


def test_a_new_contact_has_its_facts(store: Store) -> None:
    row = ContactRow(
        "ann",
        "ann@example.com",
        "+49 1",
        "Europe/Berlin",
        "de",
        "lead",
        "acme",
        ("vip", "beta"),
        {"seats": 5, "x": [1]},
    )
    done = put(store, row)
    facts = contact(store, "ann")
    assert (done.created, done.changed, done.places["ann"]) == (1, 0, (facts.part, facts.id))
    assert facts.part == home("ann", store.parts)
    assert facts[3:8] == ("ann@example.com", "+49 1", "Europe/Berlin", "de", "lead")
    assert facts.account_id == account_id(1, "acme")
    assert facts.attributes == {"seats": 5, "x": [1]}
    assert (facts.created_at, facts.restricted) == (NOW, False)
    assert tags_of(store, "ann") == {"vip", "beta"}


def test_a_second_word_merges_with_the_first(store: Store) -> None:
    put(store, ContactRow("ann", "a@example.com", "1", tags=("one",), attributes={"a": 1, "b": 2}))
    done = put(store, ContactRow("ann", phone="", stage="customer", tags=("two",), attributes={"b": 3, "c": None}))
    facts = contact(store, "ann")
    assert (done.created, done.changed) == (0, 1)
    assert (facts.email, facts.phone, facts.stage) == ("a@example.com", None, "customer")
    assert facts.attributes == {"a": 1, "b": 3, "c": None}
    assert tags_of(store, "ann") == {"one", "two"}
    assert facts.created_at == NOW


def test_true_is_not_one(store: Store) -> None:
    put(store, ContactRow("ann", attributes={"a": 1}))
    assert put(store, ContactRow("ann", attributes={"a": True})).changed == 1
    assert contact(store, "ann").attributes["a"] is True


@pytest.mark.parametrize("all_new", [False, True])
def test_the_same_word_again_changes_nothing(store: Store, all_new: bool) -> None:
    row = ContactRow("ann", "a@example.com", account="acme", tags=("one",), attributes={"a": 1.5})
    put(store, row)
    before = contact(store, "ann")
    assert put(store, row, all_new=all_new).changed == 0
    assert contact(store, "ann") == before


def test_each_change_gets_a_number_of_its_own(store: Store) -> None:
    keys = [f"c{number}" for number in range(20)]
    put(store, *(ContactRow(key) for key in keys))
    first = {key: contact(store, key) for key in keys}
    assert len({(facts.part, facts.changed) for facts in first.values()}) == 20
    assert all(facts.changed > 0 for facts in first.values())
    put(store, ContactRow("c3", stage="x"), ContactRow("c4"), ContactRow("c5", tags=("t",)))
    for key, facts in first.items():
        now = contact(store, key)
        assert now.changed > facts.changed if key in ("c3", "c5") else now.changed == facts.changed


@pytest.mark.parametrize("all_new", [False, True])
def test_new_and_known_contacts_in_one_batch(store: Store, all_new: bool) -> None:
    put(store, ContactRow("b", "old@example.com", tags=("t",)))
    rows = [ContactRow(key, f"{key}@example.com", account="acme", tags=("t", "u")) for key in "abcd"]
    done = put(store, *rows, all_new=all_new)
    assert (done.created, done.changed, set(done.before)) == (3, 1, {"b"})
    for key in "abcd":
        facts = contact(store, key)
        assert facts.email == f"{key}@example.com"
        assert done.places[key] == (facts.part, facts.id)
        assert tags_of(store, key) == {"t", "u"}
    assert len(rows_in(store, "contact", "key")) == 4
    changes = rows_in(store, "contact", "part", "changed")
    assert len(set(changes)) == len(changes)


def test_rows_of_the_same_key_are_folded(store: Store) -> None:
    rows = [ContactRow("a", "1@example.com", tags=("x",), attributes={"a": 1}, created_at=NOW - 5)]
    rows += [ContactRow("a", phone="2", tags=("y",), attributes={"b": 2}, created_at=NOW - 9)]
    put(store, *rows)
    facts = contact(store, "a")
    assert (facts.email, facts.phone, facts.attributes) == ("1@example.com", "2", {"a": 1, "b": 2})
    assert (facts.created_at, tags_of(store, "a")) == (NOW - 9, {"x", "y"})
    assert fold(rows[0], rows[1]).email == "1@example.com"


def test_a_contact_and_its_alias_in_one_batch(store: Store) -> None:
    place = put(store, ContactRow("ann")).places["ann"]
    with store.write() as connection:
        aliases.add(connection, 1, [(home("annie", store.parts), "annie", *place)])
    done = put(store, ContactRow("ann", attributes={"a": 1}), ContactRow("annie", attributes={"b": 2}), all_new=True)
    assert (done.created, done.changed) == (0, 1)
    assert contact(store, "annie").attributes == {"a": 1, "b": 2}
    assert contact(store, "annie").key == "ann"


def test_statements_do_not_grow_with_rows(store: Store) -> None:
    def cost(size: int, prefix: str) -> tuple[int, int]:
        rows = [ContactRow(f"{prefix}{n}", "a@x", account=f"{prefix}{n}", tags=("t",)) for n in range(size)]
        again = [row._replace(stage="s", tags=("u",)) for row in rows]
        with counted(store) as count:
            put(store, *rows)
            first = count()
            put(store, *again)
            return first, count()

    assert cost(300, "x") == cost(600, "y")


def test_keys_that_no_contact_may_have() -> None:
    assert [is_key(key) for key in ("a", "中文", " ", "x" * 255)] == [True] * 4
    assert [is_key(key) for key in ("", "x" * 256, "a\x00", "\ud800", "erased:1", "moved:1-2")] == [False] * 6


def test_places_of_nobody(store: Store) -> None:
    with store.read() as connection:
        assert places_of(connection, store.parts, 1, []) == {}
        assert places_of(connection, store.parts, 1, ["nobody"]) == {}
    assert maybe(store, "nobody") is None


def test_workspaces_do_not_see_each_other(store: Store) -> None:
    put(store, ContactRow("ann", "1@example.com"))
    with store.write() as connection:
        upsert(connection, store.parts, 2, [ContactRow("ann", "2@example.com")], NOW)
    assert contact(store, "ann").email == "1@example.com"


# ---------------------------------------------------------------- tags, accounts


def test_tags_are_given_and_taken(store: Store) -> None:
    place = put(store, ContactRow("ann", tags=("a",))).places["ann"]
    before = contact(store, "ann").changed
    with store.write() as connection:
        assert tags.add(connection, [(*place, "a"), (*place, "b")]) == 1
    middle = contact(store, "ann").changed
    with store.write() as connection:
        assert tags.add(connection, [(*place, "a")]) == 0
        assert tags.remove(connection, [(*place, "a"), (*place, "z")]) == 1
        assert tags.remove(connection, []) == 0
    assert tags_of(store, "ann") == {"b"}
    assert before < middle < contact(store, "ann").changed


def test_every_part_with_a_contact_has_a_copy_of_its_account(store: Store) -> None:
    put(store, *(ContactRow(f"c{number}", account="acme") for number in range(40)))
    parts = {part for (part,) in rows_in(store, "contact", "part")}
    copies = rows_in(store, "account", "part", "id", "key")
    assert {part for part, _, _ in copies} >= parts
    assert {(id_, key) for _, id_, key in copies} == {(account_id(1, "acme"), "acme")}


def test_an_account_changes_in_all_copies_and_its_contacts_count_as_changed(store: Store) -> None:
    put(store, *(ContactRow(f"c{number}", account="acme") for number in range(20)), ContactRow("other", account="b"))
    before = {key: contact(store, key).changed for key in ("c0", "c19", "other")}
    with store.write() as connection:
        done = accounts.update(connection, store.parts, 1, [AccountRow("acme", "Acme", {"plan": "pro"})])
        again = accounts.update(connection, store.parts, 1, [AccountRow("acme", attributes={"plan": "pro"})])
    assert (done, again) == (1, 0)
    facts = {
        (name, str(said)) for key, name, said in rows_in(store, "account", "key", "name", "attributes") if key == "acme"
    }
    assert facts == {("Acme", "{'plan': 'pro'}")}
    for key, number in before.items():
        now = contact(store, key).changed
        assert now == number if key == "other" else now > number
    # A part that gets its first contact of the account later gets the same copy.
    put(store, *(ContactRow(f"later{number}", account="acme") for number in range(30)))
    assert {name for key, name in rows_in(store, "account", "key", "name") if key == "acme"} == {"Acme"}


# ---------------------------------------------------------------- consents, suppressions


def test_the_last_word_counts(store: Store) -> None:
    place = put(store, ContactRow("ann")).places["ann"]
    with store.write() as connection:
        consents.withdraw(connection, place, source="page", at=NOW, topic="news")
        consents.grant(connection, place, source="import", at=NOW - 1, topic="news")
        consents.grant(connection, place, source="import", at=NOW, topic="news")
    assert rows_in(store, "consent", "topic", "channel", "state", "source") == [("news", "*", "withdrawn", "page")]
    with store.write() as connection:
        consents.grant(connection, place, source="page", at=NOW + 1, topic="news")
        consents.withdraw(connection, place, source="page", at=NOW + 1)
    assert rows_in(store, "consent", "topic", "state") == [("*", "withdrawn"), ("news", "granted")]
    assert contact(store, "ann").restricted


def test_of_two_words_at_once_no_counts(store: Store) -> None:
    place = put(store, ContactRow("ann")).places["ann"]
    words = [ConsentRow(*place, "news", "email", state, "x", NOW) for state in ("withdrawn", "granted")]
    with store.write() as connection:
        consents.note(connection, words)
    assert rows_in(store, "consent", "state") == [("withdrawn",)]


def test_a_suppressed_address_is_not_written_to_whoever_has_it(store: Store) -> None:
    place = put(store, ContactRow("ann", "Ann@Example.com")).places["ann"]
    with store.write() as connection:
        row = SuppressionRow(*place, "email", hash_address("ann@example.COM"), "bounced", NOW)
        suppressions.suppress(connection, [row, row])
    assert contact(store, "ann").restricted
    put(store, ContactRow("bob", "ANN@example.com"), ContactRow("eve", "eve@example.com", "ann@example.com"))
    assert contact(store, "bob").restricted
    assert not contact(store, "eve").restricted
    put(store, ContactRow("eve", "ann@example.com"))
    assert contact(store, "eve").restricted
    assert {reason for (reason,) in rows_in(store, "suppression", "reason")} == {"bounced"}
    assert len(rows_in(store, "suppression", "contact_id")) == 3
