"""Random flows, changed at random while contacts are in them: everything holds, and nothing is sent twice."""

from collections import Counter
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from engine.api import changeover, flows
from engine.api.changeover import LEAVE
from engine.store.session import Store
from engine.wiring import Wiring
from tests.run.crossing import ENROLLMENT, sound
from tests.support.engines import MESSAGE, add_contacts, engine_on, happen, pass_time, run_days, settle

CONTACTS = [f"c{number}" for number in range(6)]
POOL = [f"m{number}" for number in range(5)] + [f"w{number}" for number in range(5)] + ["e0", "s0"]


def node(name: str, chance: Random) -> dict[str, Any]:
    """Draw one node; its kind follows from its name, its settings from chance."""
    if name.startswith("m"):
        return {"id": name, "type": "send.email", "config": {"subject": name, "text": str(chance.random())}}
    if name.startswith("w"):
        return {"id": name, "type": "wait.delay", "config": {"duration": f"{chance.choice((6, 30, 60))}h"}}
    if name.startswith("e"):
        length = f"{chance.choice((1, 3))}d"
        return {
            "id": name,
            "type": "wait.event",
            "config": {"event": chance.choice(("used", "paid")), "timeout": length},
        }
    return {"id": name, "type": "split.random", "config": {"weights": {"a": 1, "b": 1}}}


def drawn(chance: Random) -> dict[str, Any]:
    """Draw one or two paths, each from one node to the next, in any order."""
    names = chance.sample(POOL, k=chance.randint(3, len(POOL)))
    cut = chance.randint(1, len(names) - 1) if chance.random() < 0.3 else len(names)
    nodes = [{"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}}]
    edges: list[dict[str, str]] = []
    for path in (names[:cut], names[cut:]):
        last = "start"
        for name in path:
            ports = {"e": ("happened", "timeout"), "s": ("a", "b")}.get(last[0] if last != "start" else "", ("out",))
            edges += [{"from": last, "port": port, "to": name} for port in ports]
            nodes.append(node(name, chance))
            last = name
    return {"dripline": 1, "key": "random", "nodes": nodes, "edges": edges}


def chosen(wiring: Wiring, document: dict[str, Any], chance: Random) -> dict[str, str]:
    """Choose somewhere to go for some of the nodes that are gone."""
    here = [each["id"] for each in document["nodes"] if each["id"] != "start"]
    gone = {group.node for group in changeover.preview(wiring, "random").groups} - set(here) - {"start"}
    return {name: chance.choice([*here, LEAVE, ""]) for name in sorted(gone) if chance.random() < 0.7}


def sent_twice(wiring: Wiring) -> list[Any]:
    """List what an enrollment was sent more than once from a node of the same id."""
    with wiring.store.read() as connection:
        plans = wiring.deployments.plans_of(connection)
        rows = connection.execute(sa.select(MESSAGE).where(MESSAGE.c.state != "suppressed")).all()
    found = Counter(
        (row.part, row.contact_id, row.enrollment_id, plans[row.version_id].nodes[row.node].id) for row in rows
    )
    return [each for each, times in found.items() if times > 1]


@pytest.mark.parametrize("seed", [101, 122])
def test_random_moves(store: Store, seed: int) -> None:
    chance = Random(seed)
    wiring = engine_on(store)
    add_contacts(wiring, *CONTACTS)
    for _ in range(4):
        document = drawn(chance)
        flows.import_flow(wiring, document)
        if flows.publish(wiring, "random").number > 1:
            changeover.change_over(wiring, "random", chosen(wiring, document, chance))
            sound(wiring)
            if chance.random() < 0.4:
                settle(wiring)
                changeover.undo(wiring, "random")
                sound(wiring)
        for contact in chance.sample(CONTACTS, k=3):
            happen(wiring, contact, chance.choice(("signed_up", "used", "paid")))
        settle(wiring)
        pass_time(wiring, f"{chance.choice((1, 20, 50))}h")
        settle(wiring)
        sound(wiring)
    run_days(wiring, 20, "1d")
    sound(wiring)
    assert sent_twice(wiring) == []
    with store.read() as connection:
        assert connection.scalars(sa.select(ENROLLMENT.c.id).where(ENROLLMENT.c.state == "active")).all() == []
