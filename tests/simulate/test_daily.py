from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from engine.api import flows, trial_runs
from engine.api.documents import Shipped
from engine.api.trial_runs import Asked
from engine.errors import FlowError, NotFound
from engine.simulate.daily import days_of, samples
from engine.store.session import Store
from engine.store.tables import metadata
from engine.wiring import Wiring
from tests.api.test_reasons import CHOICE
from tests.support.engines import WELCOME, engine_on

TARGETS = {
    ("start", "out"): ["mail"],
    ("mail", "out"): ["wait"],
    ("wait", "out"): ["last"],
    ("fork", "out"): ["a", "b"],
}
NOTHING = Shipped({}, {}, {})


def line(day: int, contact: str, **what: Any) -> dict[str, Any]:
    return {"at": f"2026-03-{day:02}T09:00:00Z", "contact": contact, "enrollment": 1, **what}


LINES = [
    line(2, "ann", node="start", port="out"),
    line(2, "ann", node="mail", port="out"),
    line(2, "ann", node="mail", message="sent"),
    line(2, "bob", node="start", port="out"),
    line(3, "bob", node="mail", port="out"),
    line(3, "bob", node="mail", message="suppressed", reason="cap"),
    line(4, "ann", node="wait", port="out"),
    line(4, "ann", node="last", port="out"),
    line(4, "ann", end="completed"),
    line(4, "bob", end="goal"),
]


def test_who_rests_where_when_a_day_ends() -> None:
    days = days_of(LINES, TARGETS, date(2026, 3, 2), 4)
    assert [day.day.day for day in days] == [2, 3, 4, 5]
    assert [dict(day.resting) for day in days] == [{"wait": 1, "mail": 1}, {"wait": 2}, {}, {}]
    assert [day.active for day in days] == [2, 2, 0, 0]
    assert [(day.entered, day.sent, day.suppressed) for day in days] == [(2, 1, 0), (0, 0, 1), (0, 0, 0), (0, 0, 0)]
    assert dict(days[2].ends) == {"completed": 1, "goal": 1}
    assert days[0].passed["start", "out", "mail"] == 2
    assert days[2].passed == {("wait", "out", "last"): 1}


def test_two_ways_at_once_are_two_places() -> None:
    days = days_of([line(2, "ann", node="fork", port="out")], TARGETS, date(2026, 3, 2), 1)
    assert dict(days[0].resting) == {"a": 1, "b": 1}
    assert days[0].active == 1


def test_the_most_trodden_ways_come_first() -> None:
    more = [{**each, "contact": "cem"} for each in LINES if each["contact"] == "ann"]
    found = samples([*LINES, *more])
    assert [(each.contact, each.share) for each in found] == [("ann", 2), ("bob", 1)]
    assert len(found[0].lines) == 6
    assert len(samples([*LINES, *more], most=1)) == 1


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    wiring = engine_on(sqlite_store)
    flows.import_flow(wiring, WELCOME)
    return wiring


def test_a_draft_is_tried_out_and_nothing_is_kept(wiring: Wiring) -> None:
    asked = Asked(contacts=60, days=10, seed=3, open=1.0)
    told: list[float] = []
    tried = trial_runs.try_out(wiring, NOTHING, "welcome", asked, progress=told.append)
    assert sum(day.entered for day in tried.days) == tried.report.entered > 0
    assert sum(day.sent for day in tried.days) == tried.report.messages["sent"]
    assert tried.days[-1].active == tried.report.active
    ends = {name: sum(day.ends.get(name, 0) for day in tried.days) for name in tried.report.ends}
    assert ends == tried.report.ends
    assert tried.samples[0].share >= tried.samples[-1].share
    assert told
    assert trial_runs.try_out(wiring, NOTHING, "welcome", asked).days == tried.days
    with wiring.store.read() as connection:
        for name in ("contact", "enrollment", "message", "event"):
            assert connection.scalar(sa.select(sa.func.count()).select_from(metadata.tables[name])) == 0


def test_samples_are_followed_with_the_reason_of_every_decision(wiring: Wiring) -> None:
    flows.import_flow(wiring, CHOICE)
    tried = trial_runs.try_out(wiring, NOTHING, "choice", Asked(contacts=30, days=12, seed=3, activity=3.0))
    for sample in tried.samples:
        lines = [each.line for each in sample.strides]
        assert [line["at"] for line in lines] == sorted(str(line["at"]) for line in lines)
        assert "event" in lines[0], "what let the contact in is told before the step"
        branches = [each for each in sample.strides if each.line.get("node") == "used" and "port" in each.line]
        for branch in branches:
            assert [reason.is_taken for reason in branch.reasons][-1] is (branch.line["port"] != "else")
            keen = branch.reasons[-1]
            assert all(part.holds for part in keen.parts) is keen.is_taken
            used = sum(line.get("event") == "used" for line in lines if str(line["at"]) <= str(branch.line["at"]))
            assert int(str(keen.parts[0].seen)) >= used, "also what happened before the entry counts"
    ways = {str(each.line["port"]) for way in tried.samples for each in way.strides if each.line.get("node") == "used"}
    assert ways == {"keen", "else"}


def test_too_much_and_nothing_are_refused(wiring: Wiring) -> None:
    for asked in (Asked(contacts=0), Asked(contacts=10**6), Asked(days=0), Asked(days=10_000)):
        with pytest.raises(FlowError, match="contacts"):
            trial_runs.try_out(wiring, NOTHING, "welcome", asked)
    with pytest.raises(NotFound):
        trial_runs.try_out(wiring, NOTHING, "nothing", Asked())
    with pytest.raises(NotFound):
        trial_runs.try_out(wiring, NOTHING, "welcome", Asked(), live=True)
