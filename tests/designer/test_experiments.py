"""Pages of experiments: what they say, in both languages, and what hands may do."""

from collections import Counter
from typing import Any

import pytest

from designer.experiments.chart import lift_chart, rates_chart
from designer.experiments.words import ACTS, MISSING, STATES
from engine.access.rights import Role
from engine.api import flows
from engine.schedule.work import judge_once
from engine.store.session import Store
from engine.store.tables.experiments import ACTS as KNOWN_ACTS
from engine.store.tables.experiments import STATES as KNOWN_STATES
from engine.wiring import Wiring
from tests.experiments.flows import experiment, given, split, world
from tests.experiments.test_promotion import proven, seen
from tests.experiments.test_rehearsal import letters
from tests.support.browser import signed_in
from tests.support.engines import engine_on, go_live, happen, pass_time, settle

PAGE = "/experiments/test/ab"


def test_every_state_and_act_has_words() -> None:
    assert set(STATES) == {*KNOWN_STATES, "waiting"}
    assert set(ACTS) == set(KNOWN_ACTS)
    assert len(MISSING) == 7


def test_while_it_is_too_early_the_page_says_why(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=20)
    pass_time(wiring, "3d")
    with signed_in(wiring) as client:
        assert "Too early to decide" in client.get(PAGE).text
        assert "Each variant needs at least 100 contacts whose 2 days are over." in client.get(PAGE).text
        assert "现在下结论还太早" in client.get(f"{PAGE}?lang=zh-CN").text


def test_a_winner_is_told_in_a_sentence(sqlite_store: Store) -> None:
    wiring, _ = proven(sqlite_store)
    judge_once(wiring)
    with signed_in(wiring) as client:
        page = client.get(PAGE).text
        assert "B is better than A by" in page
        assert "Promoted on Mar 12, 2026 09:00." in page
        assert "B was promoted" in page
        assert "B 比 A 高" in client.get(f"{PAGE}?lang=zh-CN").text
        assert ">test<" in client.get("/experiments").text
        assert client.get(f"{PAGE}/report.json").json()["winner"] == "b"


def test_hands_freeze_and_undo(sqlite_store: Store) -> None:
    wiring, _ = proven(sqlite_store)
    judge_once(wiring)
    with signed_in(wiring) as client:
        assert client.post(PAGE, data={"hand": "undo"}).status_code == 200
        assert experiment(wiring).state == "frozen"
        assert client.post(PAGE, data={"hand": "undo"}).status_code == 409
        assert client.post(PAGE, data={"hand": "promote"}).status_code == 404
    with signed_in(wiring, Role.VIEWER) as client:
        assert "Go on" not in client.get(PAGE).text
        assert client.post(PAGE, data={"hand": "thaw"}).status_code == 403
    assert experiment(wiring).state == "frozen"


def test_the_planner_warns_when_traffic_cannot_decide(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=20)
    seen(wiring, {"a": (50, 1_000), "b": (50, 1_000)})
    pass_time(wiring, "10d")
    with signed_in(wiring) as client:
        assert "cannot decide this in 90 days" in client.get(f"{PAGE}/plan?base=2&lift=5").text
        assert "cannot decide this in 90 days" not in client.get(f"{PAGE}/plan?base=40&lift=100").text


def test_the_canvas_tells_how_a_test_stands(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=20)
    with signed_in(wiring) as client:

        def card(language: str = "en") -> tuple[str, str]:
            found = client.get(f"/flows/test/counts?lang={language}").json()
            return found["nodes"]["ab"], found["tones"]["ab"]

        shown = Counter(given(wiring).values())
        assert card() == (f"Too early · A {shown['a']} · B {shown['b']}", "acc")
        assert card("zh-CN")[0].startswith("为时尚早")
        seen(wiring, {"a": (500, 10_000), "b": (520, 10_000)})
        pass_time(wiring, "10d")
        assert judge_once(wiring) == []
        assert card()[0] == f"B leads · A {10_000 + shown['a']:,} · B {10_000 + shown['b']:,}"
        seen(wiring, {"a": (500, 10_000), "b": (650, 10_000)})
        pass_time(wiring, "3d")
        judge_once(wiring)
        assert card("en")[0].startswith("B promoted · A 20,0")
        assert (card()[1], card("zh-CN")[0][:5]) == ("ok", "B 已推广")


def test_the_inspector_plans_from_the_flow_s_own_traffic(sqlite_store: Store) -> None:
    wiring, keys = world(sqlite_store, people=60)
    with signed_in(wiring) as client:
        settle(wiring)
        pass_time(wiring, "1h")
        for key in keys[:30]:
            happen(wiring, key, "bought")
        settle(wiring)
        pass_time(wiring, "4d")
        page = client.get("/flows/test/inspector?id=ab").text
        assert "From what this split has seen so far." in page
        assert 'name="base" type="number" min="0.01" max="99" step="0.01" value="50.0"' in page
        assert 'name="a_day" type="number" min="0" step="any" value="14.8"' in page
        assert "planner" not in client.get("/flows/test/inspector?id=a").text
        # A goal of its own makes it another experiment: then the flow's passages tell.
        flows.import_flow(wiring, split(goal={"event": "bought", "within": "1d"}))
        page = client.get("/flows/test/inspector?id=ab").text
        assert "From what passed here in this flow so far." in page
        assert 'step="any" value="14.8"' in page
        planned = client.get("/flows/test/planner?node=ab&base=2&lift=5&a_day=100").text
        assert "cannot decide this in 90 days" in planned
        assert "cannot decide" not in client.get("/flows/test/planner?node=ab&base=40&lift=100&a_day=100").text
        assert client.get("/flows/test/planner?node=a").status_code == 404


def test_what_is_not_there_is_not_found(sqlite_store: Store) -> None:
    wiring, _ = world(sqlite_store, people=1)
    with signed_in(wiring) as client:
        assert client.get("/experiments/nowhere/ab").status_code == 404
        assert client.get("/experiments/test/nowhere").status_code == 404
        assert client.get("/experiments/_letters/none").status_code == 404


def test_messages_stand_side_by_side(sqlite_store: Store) -> None:
    wiring = _with_letters(sqlite_store)
    with signed_in(wiring) as client:
        page = client.get("/experiments/letters/ab").text
        assert "Nobody has come to this split yet" in page
        assert "First subject" in page
        assert "Second subject" in page


def _with_letters(store: Store) -> Wiring:
    wiring, flow = engine_on(store), letters()
    for node, subject in zip(flow["nodes"][2:], ("First subject", "Second subject"), strict=True):
        node["config"] = {"subject": subject, "html": "<p>Hello</p>"}
    go_live(wiring, flow)
    return wiring


DAYS: list[dict[str, Any]] = [
    {"day": "2026-03-02", "rates": {"a": 0.05, "b": None}, "low": 0.0, "high": None},
    {"day": "2026-03-03", "rates": {"a": 0.05, "b": 0.07}, "low": 0.9, "high": 1.6},
]


def test_charts_stay_within_their_box() -> None:
    rates, lift = rates_chart(DAYS, ("a", "b")), lift_chart(DAYS)
    assert rates is not None
    assert lift is not None
    assert [line.key for line in rates.lines] == ["a", "b"]
    for path in (*(line.path for line in rates.lines), lift.band):
        numbers = [part.strip("MLZ ").split(",") for part in path.replace(" Z", "").split(" ")]
        assert all(0 <= float(x) <= 640 and 0 <= float(y) <= 200 for x, y in numbers)
    assert rates_chart(DAYS[:1], ("a",)) is None
    assert lift_chart([{"day": "2026-03-02", "rates": {}}] * 2) is None


@pytest.mark.parametrize("path", ["/experiments", PAGE])
def test_visitors_must_sign_in(sqlite_store: Store, path: str) -> None:
    wiring, _ = world(sqlite_store, people=1)
    with signed_in(wiring) as client:
        client.cookies.clear()
        assert client.get(path, follow_redirects=False).status_code in (303, 307, 401)
