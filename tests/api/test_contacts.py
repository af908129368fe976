import pytest

from engine.api import contacts, enroll, failures, inbox, searching
from engine.errors import FlowError, NotFound, PeopleError
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.engines import WELCOME, add_contacts, engine_on, go_live, happen, pass_time, settle

POISONED = {
    **WELCOME,
    "key": "poisoned",
    "nodes": [
        {"id": "hand", "type": "trigger.manual"},
        {"id": "count", "type": "contact.set", "config": {"attributes": {"n": "{{ contact.n * 2 }}"}}},
    ],
    "edges": [{"from": "hand", "to": "count"}],
}


def test_contacts_are_found_by_key_address_and_name(store: Store) -> None:
    wiring = engine_on(store)
    add_contacts(wiring, "ann", "bob", attributes={"name": "王小明"})
    add_contacts(wiring, "cat", email="zoe@example.com", attributes={"name": "Zoë 100%"})
    for text, keys in (("an", ["ann"]), ("zoe@", ["cat"]), ("小明", ["ann", "bob"]), ("100%", ["cat"]), ("100_", [])):
        assert sorted(line.key for line in contacts.find_contacts(wiring, text).contacts) == keys, text


def test_pages_of_contacts_follow_each_other(store: Store) -> None:
    wiring = engine_on(store)
    keys = [f"c{number}" for number in range(7)]
    add_contacts(wiring, *keys)
    seen = _page_by_page(wiring, "", 3)
    assert sorted(seen) == keys


def test_a_search_goes_on_where_it_left_off(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PIECE", 4)
    monkeypatch.setattr(searching, "SECONDS", -1.0)
    wiring = engine_on(store)
    begun, mailed, named = ([f"{sign}{number}" for number in range(5)] for sign in ("li", "b", "c"))
    add_contacts(wiring, *begun)
    for key in mailed:
        add_contacts(wiring, key, email=f"li.{key}@example.com")
    add_contacts(wiring, *named, attributes={"name": "A. Li"})
    add_contacts(wiring, "d", attributes={"name": "Bo"})
    seen = _page_by_page(wiring, "li", 3)
    assert [set(seen[:5]), set(seen[5:10]), set(seen[10:])] == [set(begun), set(mailed), set(named)]
    assert len(seen) == 15


def test_a_search_for_a_name_goes_on_while_it_has_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PIECE", 2)
    wiring = engine_on(store)
    add_contacts(wiring, *(f"c{number}" for number in range(9)), attributes={"name": "Li"})
    found = {}
    for seconds in (-1.0, 60.0):
        monkeypatch.setattr(searching, "SECONDS", seconds)
        page = contacts.find_contacts(wiring, "li")
        found[seconds] = (len(page.contacts), page.after is None)
    assert found == {-1.0: (2, False), 60.0: (9, True)}


def test_one_contact_with_its_time_line(store: Store) -> None:
    wiring = engine_on(store)
    go_live(wiring)
    add_contacts(wiring, "ann", attributes={"name": "Ann", "plan": "pro"}, tags=("vip",), account="acme")
    happen(wiring, "ann", "signed_up", source="ad")
    settle(wiring)
    detail = contacts.contact_detail(wiring, "ann")
    assert (detail.name, detail.account, detail.tags, detail.attributes["plan"]) == ("Ann", "acme", ("vip",), "pro")
    (stay,) = detail.stays
    assert (stay.flow_key, stay.state, stay.ordinal) == ("welcome", "active", 1)
    assert [(state, due is not None) for _, state, due in stay.resting] == [("waiting", True)]
    pass_time(wiring, "1d")
    settle(wiring)
    line = contacts.time_line(wiring, "ann")
    assert [moment.what for moment in line] == [
        "end", "message", "step", "step", "step", "message", "step", "step", "entered", "event",
    ]  # fmt: skip
    assert [moment.detail for moment in line if moment.what == "message"] == ["sent", "sent"]
    assert line[-1].properties == {"source": "ad"}
    assert contacts.time_line(wiring, "ann", limit=2) == line[:2]
    with pytest.raises(NotFound):
        contacts.contact_detail(wiring, "nobody")


def test_the_inbox_is_read_page_by_page(store: Store) -> None:
    wiring = engine_on(store)
    go_live(wiring)
    keys = [f"c{number}" for number in range(5)]
    add_contacts(wiring, *keys)
    enroll.enroll(wiring, "welcome", keys)
    settle(wiring)
    seen: list[str] = []
    before: str | None = None
    while True:
        page = inbox.list_inbox(wiring, before, limit=2)
        seen += [mail.contact for mail in page.messages]
        before = page.before
        if before is None:
            break
    assert sorted(seen) == keys
    assert inbox.list_inbox(wiring, contact="nobody").messages == ()
    (mine,) = inbox.list_inbox(wiring, contact="c3").messages
    mail = inbox.read_mail(wiring, mine.key)
    assert (mail.line.subject, mail.line.address) == ("Hello", "c3@example.com")
    assert "Hello" in mail.html
    for key in ("nonsense", "0-9-9-9-9", "1-2"):
        with pytest.raises(NotFound):
            inbox.read_mail(wiring, key)


def test_letting_in_by_hand(store: Store) -> None:
    wiring = engine_on(store)
    go_live(wiring)
    add_contacts(wiring, "ann", "bob", "cat")
    done = enroll.enroll(wiring, "welcome", ["ann", "bob", "ann", "nobody"])
    assert (done.asked, done.entered, done.refused, done.unknown) == (3, 2, 0, ("nobody",))
    done = enroll.enroll_all(wiring, "welcome")
    assert (done.asked, done.entered, done.refused) == (3, 1, 2)
    with pytest.raises(FlowError):
        enroll.enroll(wiring, "nothing", ["ann"])
    go_live(wiring, {**WELCOME, "key": "closed", "nodes": [WELCOME["nodes"][0]], "edges": []})
    with pytest.raises(FlowError):
        enroll.enroll(wiring, "closed", ["ann"])


def test_keys_are_read_from_csv() -> None:
    assert list(enroll.read_keys(iter(["name,id\n", "Ann,ann\n", ",\n", "Bob, bob \n"]))) == ["ann", "bob"]  # type: ignore[arg-type]
    assert list(enroll.read_keys(iter(["ann\n", "bob\n"]))) == ["ann", "bob"]  # type: ignore[arg-type]
    with pytest.raises(PeopleError):
        list(enroll.read_keys(iter(["a,b\n"])))  # type: ignore[arg-type]


def test_failures_are_listed_and_tried_again(store: Store) -> None:
    wiring = engine_on(store)
    go_live(wiring, POISONED)
    add_contacts(wiring, "ann", attributes={"n": 2})
    add_contacts(wiring, "bad", attributes={"n": [1]})
    enroll.enroll_all(wiring, "poisoned")
    done = settle(wiring)
    assert done.ticks.failed == 1
    (failure,) = failures.list_failures(wiring)
    assert (failure.contact, failure.node, failure.flow_key) == ("bad", "hand", "poisoned")
    assert failures.count_failures(wiring) == 1
    assert failures.list_unclear(wiring) == []
    assert failures.retry(wiring, "bad", failure.token) == 1
    assert failures.list_failures(wiring) == []
    settle(wiring)
    assert failures.retry_flow(wiring, "poisoned") == 1
    add_contacts(wiring, "bad", attributes={"n": 4})
    settle(wiring)
    assert failures.list_failures(wiring) == []
    assert contacts.contact_detail(wiring, "bad").attributes["n"] == 8


def test_contacts_of_one_address_are_all_found(store: Store) -> None:
    wiring = engine_on(store)
    keys = [f"c{number}" for number in range(9)]
    add_contacts(wiring, *keys, email="info@example.com")
    seen = _page_by_page(wiring, "info@", 2)
    assert sorted(seen) == keys


def _page_by_page(wiring: Wiring, text: str, limit: int) -> list[str]:
    """Give the keys of what a text finds, in the order of the pages."""
    seen: list[str] = []
    after: str | None = None
    while True:
        page = contacts.find_contacts(wiring, text, after=after, limit=limit)
        seen += [line.key for line in page.contacts]
        after = page.after
        if after is None:
            return seen
