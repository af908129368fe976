"""Waits from which one way leads on are carried where they lie, and nobody else in the range is."""

from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa

from engine.api.enroll import enroll, enroll_all
from engine.api.journal import journal_lines
from engine.run import program
from engine.run.direct import straight
from engine.run.direct.program import direct_of
from engine.run.invariants import violations
from engine.store.session import Store
from engine.store.tables import Enrollment, Token
from engine.wiring import Wiring, look
from tests.support.engines import add_contacts, engine_on, go_live, pass_time, tick

ENROLLMENT: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
TOKEN: sa.Table = Token.__table__  # type: ignore[attr-defined]

FLOW: dict[str, Any] = {
    "dripline": 1,
    "key": "waits",
    "name": "Waits",
    "nodes": [
        {"id": "hand", "type": "trigger.manual"},
        {
            "id": "trial",
            "type": "branch.rule",
            "config": {"cases": [{"port": "yes", "when": {"attr": "plan", "op": "is", "value": "trial"}}]},
        },
        {"id": "short", "type": "wait.delay", "config": {"duration": "1h"}},
        {"id": "stop", "type": "flow.exit"},
        {"id": "long", "type": "wait.delay", "config": {"duration": "1h"}},
        {"id": "later", "type": "wait.delay", "config": {"duration": "2h"}},
    ],
    "edges": [
        {"from": "hand", "to": "trial"},
        {"from": "trial", "port": "yes", "to": "short"},
        {"from": "trial", "port": "else", "to": "long"},
        {"from": "short", "to": "stop"},
        {"from": "long", "to": "later"},
    ],
}
TRIAL, PAID = ("ann", "cem", "eve"), ("ben", "dai")


@pytest.fixture
def wiring(store: Store) -> Wiring:
    """Give an engine with contacts on trial and others, lying by turns."""
    wiring = engine_on(store)
    go_live(wiring, FLOW)
    for key in sorted((*TRIAL, *PAID)):
        add_contacts(wiring, key, attributes={"plan": "trial" if key in TRIAL else "paid"})
    return wiring


def states(wiring: Wiring) -> Counter[str]:
    with wiring.store.read() as connection:
        return Counter(connection.scalars(sa.select(ENROLLMENT.c.state)))


def path(wiring: Wiring, contact: str) -> list[tuple[str, str | None]]:
    """Tell when a contact left nodes, and when it ended."""
    told = journal_lines(wiring, "waits", contact)
    return [(str(line["at"])[11:16], str(line.get("node", line.get("end")))) for line in told]


def broken(wiring: Wiring) -> list[str]:
    with wiring.store.read() as connection:
        plans = wiring.deployments.plans_of(connection).values()
        found = violations(connection, plans, wiring.store.parts, wiring.clock.micros())
    return [code for code, times in found.items() if times]


def test_ways_that_end_and_ways_that_rest_again(wiring: Wiring) -> None:
    assert enroll_all(wiring, "waits").entered == 5
    pass_time(wiring, "1h")
    assert tick(wiring).steps == 2 * 3 + 2
    assert states(wiring) == {"exit": 3, "active": 2}
    assert path(wiring, "ann")[-3:] == [("10:00", "short"), ("10:00", "stop"), ("10:00", "exit")]
    assert tick(wiring).steps == 0
    pass_time(wiring, "2h")
    assert tick(wiring).steps == 2
    assert path(wiring, "ben")[-3:] == [("10:00", "long"), ("12:00", "later"), ("12:00", "completed")]
    assert states(wiring) == {"exit": 3, "completed": 2}
    assert broken(wiring) == []


def test_who_is_not_due_stays(wiring: Wiring) -> None:
    enroll(wiring, "waits", ["ann", "eve"])
    pass_time(wiring, "30m")
    enroll(wiring, "waits", ["cem"])
    pass_time(wiring, "30m")
    assert tick(wiring).steps == 4
    assert [path(wiring, key)[-1] for key in ("ann", "cem", "eve")] == [
        ("10:00", "exit"),
        ("09:30", "trial"),
        ("10:00", "exit"),
    ]
    assert states(wiring) == {"exit": 2, "active": 1}
    assert broken(wiring) == []


def test_which_nodes_are_straight(wiring: Wiring) -> None:
    with wiring.store.read() as connection:
        deployment = look(wiring, connection)
    (version,) = deployment.plans
    direct = direct_of(deployment.program(version, wiring.store.name))
    assert direct is not None
    found = straight.straight_of(direct)
    assert found is not None
    plan = direct.program.plan
    assert {plan.nodes[index].id for index in found.nodes} == {"short", "long", "later"}
    assert {plan.nodes[index].id for index in found.going_on} == {"long"}


def test_a_claim_that_changed_is_rolled_back(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_recent", [])  # what is compiled here is for nobody else
    enroll_all(wiring, "waits")
    pass_time(wiring, "1h")
    monkeypatch.setattr(straight, "_drop", lambda *_: TOKEN.delete().where(sa.false()))
    with pytest.raises(AssertionError, match="0 tokens ended instead of"):
        tick(wiring)
    assert states(wiring) == {"active": 5}
    assert path(wiring, "ann")[-1] == ("09:00", "trial")
