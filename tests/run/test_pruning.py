import gzip
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.api import events, flows, pruning
from engine.api.counts import list_flows
from engine.errors import StoreError
from engine.people.merging import merge
from engine.run.invariants import violations
from engine.schedule.pruning import Kept, prune_by_age
from engine.settings import Settings
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.engines import (
    EVENT,
    JOURNAL,
    WELCOME,
    add_contacts,
    engine_on,
    go_live,
    happen,
    pass_time,
    run_days,
    settle,
)

KEYS = ("ann", "bob", "cat", "dan")


@pytest.fixture
def wiring(store: Store) -> Wiring:
    """Give an engine with four who came through a year ago, and one who is on the way."""
    wiring = engine_on(store)
    go_live(wiring)
    add_contacts(wiring, *KEYS, "eve")
    for key in KEYS:
        happen(wiring, key, "signed_up")
        happen(wiring, key, "looked")
    happen(wiring, "ann", "used")
    run_days(wiring, 2)
    pass_time(wiring, "365d")
    happen(wiring, "eve", "signed_up")
    settle(wiring)
    return wiring


def _counted(store: Store, table: sa.Table) -> int:
    with store.read() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def _broken(wiring: Wiring) -> dict[str, int]:
    with wiring.store.read() as connection:
        plans = wiring.deployments.plans_of(connection)
        found = violations(connection, plans.values(), wiring.store.parts, wiring.clock.micros())
    return {code: count for code, count in found.items() if count}


def _archived(folder: Path, kind: str) -> list[Any]:
    (file,) = folder.glob(f"{kind}-*.jsonl.gz")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_old_journal_goes_and_counts_stay(wiring: Wiring, tmp_path: Path) -> None:
    before, rows = list_flows(wiring), _counted(wiring.store, JOURNAL)
    done = pruning.prune(wiring, journal=timedelta(days=300), archive=tmp_path / "archive")
    assert done is not None
    # Two rows each: up to the wait of a day, and from it on; five steps. That of the one on the way stays.
    assert (done.journal, done.steps, done.events) == (8, 20, 0)
    assert _counted(wiring.store, JOURNAL) == rows - 8
    assert list_flows(wiring) == before
    assert _broken(wiring) == {}
    lines = _archived(tmp_path / "archive", "journal")
    assert len(lines) == 20
    assert [line["node"] for line in lines if line["contact"] == "ann"] == ["start", "hello", "day", "used", "thanks"]
    again = pruning.prune(wiring, journal=timedelta(days=300), archive=tmp_path / "archive")
    assert again is not None
    assert again.journal == 0


def test_a_lost_row_is_still_seen(wiring: Wiring) -> None:
    pruning.prune(wiring, journal=timedelta(days=300))
    with wiring.store.write() as connection:
        connection.execute(JOURNAL.delete())
    assert {"I05", "I16"} <= set(_broken(wiring))


def test_old_events_go_unless_something_asks_for_them(wiring: Wiring, tmp_path: Path) -> None:
    done = pruning.prune(wiring, events=timedelta(days=300), archive=tmp_path / "archive")
    assert done is not None
    # "used" is asked for by a rule without an end. Of the rest the last of each contact stays, by which it was active.
    with wiring.store.read() as connection:
        left = sorted(connection.scalars(sa.select(EVENT.c.name)))
    assert left == ["looked", "looked", "looked", "signed_up", "used"]
    assert done.events == 5
    lines = _archived(tmp_path / "archive", "events")
    assert sorted(line["event"] for line in lines) == ["looked", *4 * ["signed_up"]]
    assert _broken(wiring) == {}


def test_archived_events_can_be_brought_back(wiring: Wiring, tmp_path: Path) -> None:
    before = _counted(wiring.store, EVENT)
    pruning.prune(wiring, events=timedelta(days=300), archive=tmp_path)
    (file,) = tmp_path.glob("events-*.jsonl.gz")
    with gzip.open(file, "rb") as lines:
        events.import_events(wiring, lines)
    assert _counted(wiring.store, EVENT) == before


def test_what_has_not_acted_stays(wiring: Wiring) -> None:
    happen(wiring, "ann", "looked")
    happen(wiring, "ann", "looked")
    pass_time(wiring, "365d")
    done = pruning.prune(wiring, events=timedelta(days=300))
    assert done is not None
    with wiring.store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).where(EVENT.c.name == "looked")) == 2 + len(KEYS) - 1


def test_windows_of_rules_are_kept(store: Store) -> None:
    wiring = engine_on(store)
    document = json.loads(json.dumps(WELCOME))
    document["nodes"][4]["config"]["cases"][0]["when"] = {"no_event": "looked", "within": "400d"}
    flows.import_flow(wiring, document)
    flows.publish(wiring, "welcome")
    add_contacts(wiring, "ann")
    happen(wiring, "ann", "looked")
    happen(wiring, "ann", "glanced")
    happen(wiring, "ann", "went")
    settle(wiring)
    pass_time(wiring, "300d")
    assert prune_by_age(wiring, Kept(events=timedelta(days=200))).events == 1
    pass_time(wiring, "101d")
    assert prune_by_age(wiring, Kept(events=timedelta(days=200))).events == 1


def test_settings_say_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().keep_journal is None
    monkeypatch.setenv("DRIPLINE_KEEP_JOURNAL", "400d")
    monkeypatch.setenv("DRIPLINE_ARCHIVE", "/srv/archive")
    assert Kept.of(Settings()) == Kept(timedelta(days=400), None, Path("/srv/archive"))


def test_too_short_an_age_is_refused(sqlite_store: Store) -> None:
    wiring = engine_on(sqlite_store)
    assert pruning.prune(wiring) is None
    with pytest.raises(StoreError, match="a week"):
        pruning.prune(wiring, events=timedelta(days=6))
    with pytest.raises(StoreError, match="a day"):
        pruning.prune(wiring, journal=timedelta(hours=1))


def test_how_long_somebody_was_silent_is_not_forgotten(store: Store) -> None:
    wiring = engine_on(store)
    add_contacts(wiring, "ann")
    happen(wiring, "ann", "looked")
    pass_time(wiring, "10d")
    for name in ("message_delivered", "message_opened"):
        happen(wiring, "ann", name)
    settle(wiring)
    pass_time(wiring, "300d")
    # Mail programs open mails too: only what was looked at says that somebody was there.
    assert prune_by_age(wiring, Kept(events=timedelta(days=200))).events == 0


def test_what_a_merge_took_into_another_part_is_let_go_of_too(new_store: Any) -> None:
    wiring = engine_on(new_store())
    go_live(wiring)
    keys = [f"c{number}" for number in range(8)]
    add_contacts(wiring, *keys)
    for key in keys:
        happen(wiring, key, "looked")
        happen(wiring, key, "signed_up")
    run_days(wiring, 2)
    for other in keys[1:]:
        with wiring.store.write() as connection:
            merge(connection, wiring.store.parts, keys[0], other, now=wiring.clock.micros())
    run_days(wiring, 1)
    pass_time(wiring, "365d")
    happen(wiring, keys[0], "looked")
    settle(wiring)
    kept = Kept(journal=timedelta(days=30), events=timedelta(days=30))
    prune_by_age(wiring, kept)
    with wiring.store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).where(EVENT.c.name == "looked")) == 1
    assert _counted(wiring.store, JOURNAL) == 0
    assert _broken(wiring) == {}
