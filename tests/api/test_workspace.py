from typing import Any

import pytest

from engine.access.keys import KeyRing
from engine.api import keys, segments, workspaces
from engine.api.doctor import Found, examine
from engine.errors import AccessError, EngineError, NotFound, RuleError
from engine.settings import Settings
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.engines import add_contacts, engine_on, settle, signed_up


def test_settings_are_changed_one_by_one(store: Store) -> None:
    wiring = engine_on(store)
    cap = {"messages": 3, "per": "7d"}
    facts = workspaces.change_workspace(wiring, timezone="Asia/Shanghai", settings={"frequency_cap": cap})  # type: ignore[dict-item]
    assert (facts.timezone, facts.settings["frequency_cap"]) == ("Asia/Shanghai", cap)
    facts = workspaces.change_workspace(wiring, settings={"quiet_hours": {"from": "21:00", "to": "09:00"}})
    assert facts.settings.keys() >= {"frequency_cap", "quiet_hours"}
    facts = workspaces.change_workspace(wiring, settings={"frequency_cap": None})
    assert "frequency_cap" not in facts.settings
    wrong: list[dict[str, Any]] = [
        {"timezone": "Mars/Olympus"},
        {"settings": {"colour": 1}},
        {"settings": {"frequency_cap": {"messages": "many"}}},
        {"settings": {"quiet_hours": {"from": "25:00", "to": "09:00"}}},
    ]
    for change in wrong:
        with pytest.raises(EngineError):
            workspaces.change_workspace(wiring, **change)


def test_topics_have_names(store: Store) -> None:
    wiring = engine_on(store)
    workspaces.save_topic(wiring, "news", {"en": "News", "zh-CN": "新闻"})
    workspaces.save_topic(wiring, "news", "Newsletter")
    assert workspaces.read_workspace(wiring).topics == {"news": "Newsletter"}


def test_segments_are_made_changed_and_counted(store: Store) -> None:
    wiring = engine_on(store)
    add_contacts(wiring, "ann", "bob", stage="mql")
    add_contacts(wiring, "cat", stage="customer")
    assert segments.save_segment(wiring, "hot", {"stage": "mql"}, {"en": "Hot"})
    settle(wiring)
    assert segments.count_members(wiring, "hot") == 2
    assert not segments.save_segment(wiring, "hot", {"any": [{"stage": "mql"}, {"stage": "customer"}]})
    settle(wiring)
    assert [(line.key, line.members) for line in segments.list_segments(wiring)] == [("hot", 3)]
    for rule in ({"segment": "hot"}, {"segment": "nothing"}, {"colour": 1}):
        with pytest.raises(RuleError):
            segments.save_segment(wiring, "hot", rule)
    with pytest.raises(NotFound):
        segments.count_members(wiring, "nothing")


def test_write_keys_are_shown_once(store: Store) -> None:
    wiring = engine_on(store)
    made = keys.create_key(wiring, " web ")
    assert made.key not in repr(keys.list_keys(wiring))
    assert KeyRing(store).verify(made.key) is not None
    keys.revoke_key(wiring, made.id)
    (listed,) = keys.list_keys(wiring)
    assert (listed.name, listed.as_json()["revoked"]) == ("web", "2026-03-02T09:00:00Z")
    with pytest.raises(AccessError):
        keys.create_key(wiring, "  ")


def examined(wiring: Wiring) -> dict[str, Found]:
    settings = Settings(db=wiring.store.engine.url.render_as_string(hide_password=False))
    return {found.what: found for found in examine(settings, lambda _: wiring)}


def test_the_doctor_finds_a_sound_engine_well(store: Store) -> None:
    wiring = signed_up(store, "ann", timezone="Europe/Paris")
    settle(wiring)
    found = examined(wiring)
    # The tests' PostgreSQL is quick and careless on purpose.
    wrong = {what for what, each in found.items() if each.level != "well"} - {"database", "server"}
    assert wrong == set()
    assert found["invariants"].says == "all 17 hold"


def test_the_doctor_lists_time_zones_that_nobody_knows(store: Store) -> None:
    wiring = engine_on(store)
    add_contacts(wiring, "ann", timezone="Mars/Olympus")
    found = examined(wiring)["time zones"]
    assert (found.level, "'Mars/Olympus' of 1" in found.says) == ("warning", True)


def test_the_doctor_says_when_there_is_no_database() -> None:
    found = examine(Settings(db="sqlite:////nowhere/at/all.db"), lambda _: pytest.fail("there is nothing to connect"))
    assert (found[-1].level, found[-1].what) == ("database", "database")


def test_the_doctor_asks_the_mail_server(sqlite_store: Store) -> None:
    wiring = engine_on(sqlite_store)
    settings = Settings(db=str(sqlite_store.engine.url), smtp_url="smtp://127.0.0.1:9")
    found = {each.what: each for each in examine(settings, lambda _: wiring)}
    assert found["mail"].level == "wrong"
    assert found["settings"].level == "warning"
