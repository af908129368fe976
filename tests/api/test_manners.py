from typing import Any

from designer.canvas.assumptions import sliders_of
from designer.language import speak
from engine.api import manners, trial_runs
from engine.api.documents import Shipped
from engine.api.manners import Rate
from engine.api.trial_runs import Asked
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.engines import WELCOME, add_contacts, engine_on, go_live, happen, pass_time, settle

NOTHING = Shipped({}, {}, {})
OTHER: dict[str, Any] = {**WELCOME, "key": "other"}
COUNT = 110


def _lived(wiring: Wiring) -> None:
    """Let a hundred contacts be mailed; every second one opens it, every tenth buys; and let days pass."""
    go_live(wiring)
    go_live(wiring, OTHER)
    keys = [f"c{number:03}" for number in range(COUNT)]
    add_contacts(wiring, *keys)
    for key in keys:
        happen(wiring, key, "signed_up")
    settle(wiring)
    with wiring.store.write() as connection:
        opened = manners.MESSAGE.c.contact_id % 2 == 0
        connection.execute(manners.MESSAGE.update().where(opened).values(opened_at=manners.MESSAGE.c.sent_at))
    pass_time(wiring, "4d")
    for key in keys[::10]:
        happen(wiring, key, "bought")
    settle(wiring)


def test_rates_are_those_of_the_flow_then_of_all_then_a_guess(store: Store) -> None:
    wiring = engine_on(store)
    go_live(wiring)
    assert trial_runs.manner_of(wiring, NOTHING, "welcome").open == Rate(0.4)
    told = Shipped({}, {}, {"welcome": {"open": 0.2}})
    assert trial_runs.manner_of(wiring, told, "welcome").open == Rate(0.2, "template")
    assert trial_runs.manner_of(wiring, told, "welcome").click == Rate(0.1)


def test_what_happened_is_what_is_assumed(sqlite_store: Store) -> None:
    wiring = engine_on(sqlite_store)
    _lived(wiring)
    manner = trial_runs.manner_of(wiring, NOTHING, "welcome")
    assert manner.open.source == "flow"
    assert manner.open.seen >= manners.ENOUGH
    assert abs(manner.open.share - 0.5) < 0.05
    assert manner.click == Rate(0.0, "flow", manner.open.seen)
    assert manner.purchase is not None
    assert manner.purchase.source == "workspace"
    assert abs(manner.purchase.share - 0.1 / 4) < 0.01
    sources = [each.source for each in sliders_of(manner, speak("en"))]
    assert sources[0] == f"As in this flow in the last 90 days: {manner.open.seen} messages"


def test_what_is_asked_for_goes_before_what_happened(sqlite_store: Store) -> None:
    wiring = engine_on(sqlite_store)
    go_live(wiring)
    most = Asked(contacts=40, days=5, purchase=0.9, activity=1.0)
    least = Asked(contacts=40, days=5, purchase=0.0)
    goals = [trial_runs.try_out(wiring, NOTHING, "welcome", asked).report.ends["goal"] for asked in (most, least)]
    assert goals[0] > goals[1] == 0
