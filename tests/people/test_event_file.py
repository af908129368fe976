import io

import pytest

from engine.people import event_file
from engine.people.event_file import EventReport, import_events
from engine.people.events import Recorded
from engine.store.session import Store
from engine.terms import DAY
from tests.people.sights import NOW, contact, rows_in

LINES = b"""\xef\xbb\xbf{"userId": "ann", "event": "signed_up", "timestamp": "2026-02-01T09:00:00Z"}

{"type": "identify", "userId": "ann", "traits": {"plan": "pro"}}
{"userId": "ann", "event": "used", "messageId": "m", "timestamp": "2026-03-02T09:00:00Z", "sentAt": "2020-01-01"}
not json
{"userId": "bob"}
[1]
{"userId": "ann", "event": "used", "messageId": "m"}
{"type": "page", "userId": "bob", "name": "Home"}"""


def take(store: Store, content: bytes, batch: int = 5_000) -> EventReport:
    return import_events(store, io.BytesIO(content), now=NOW, batch=batch)


@pytest.mark.parametrize("batch", [1, 3, 5_000])
def test_a_file_of_calls(store: Store, batch: int) -> None:
    report = take(store, LINES, batch)
    assert (report.rows, report.refused) == (8, 3)
    assert (report.recorded.events, report.recorded.repeated, report.recorded.created) == (3, 1, 2)
    assert [(each.position, each.code) for each in report.refusals] == [(5, "json"), (6, "event"), (7, "json")]
    assert report.refusals[0].payload == "not json"
    assert contact(store, "ann").attributes == {"plan": "pro"}
    # Instants are taken as they stand.
    assert ("used", NOW + DAY) in rows_in(store, "event", "name", "at")


def test_the_same_file_again_changes_nothing(store: Store) -> None:
    take(store, LINES)
    before = rows_in(store, "event", "part", "id", "message_id")
    assert take(store, LINES).recorded == Recorded(repeated=5)
    assert rows_in(store, "event", "part", "id", "message_id") == before


def test_progress_is_told_in_bytes(store: Store) -> None:
    heard: list[int] = []
    import_events(store, io.BytesIO(LINES), now=NOW, batch=2, progress=heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == len(LINES) - 3
    assert len(heard) == 5


def test_long_lines_are_read_and_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_file, "CHUNK", 64)
    monkeypatch.setattr(event_file, "LONGEST", 50_000)
    long = b'{"userId": "a", "event": "' + b"x" * 40_000 + b'"}\n'
    longer = b"x" * 120_000 + b"\n"
    report = take(store, long + longer + b'{"userId": "a", "event": "used"}\n')
    assert report.recorded.events == 1
    assert report.refusals[0].code == "too_large"
    assert report.refused >= 3


def test_an_empty_file(store: Store) -> None:
    assert take(store, b"").rows == 0
