"""How cost grows with contacts, with nodes and with workers, drawn as curves: ``python -m bench.growth``.

Written are ``growth.json`` and the three drawings beside it. Units: contact-steps a second, and milliseconds of
processor time for a batch.
"""

import argparse
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from bench import executor, floor_postgresql, floor_sqlite, random_waits
from bench.databases import Databases, scratch
from bench.peers.installing import ROOT, environment
from bench.results import FOLDER, machine
from bench.samples import Sample, measured
from bench.sharing import shared
from bench.world import DAY, START, engine_on, fill, go_live
from engine.api.enroll import enroll_all
from engine.store.session import Store, open_store
from engine.terms import to_micros

KINDS: Final = ("sqlite", "postgresql")
CONTACTS: Final = (10_000, 30_000, 100_000, 300_000, 1_000_000)
NODES: Final = (5, 10, 20, 35, 50)
WORKERS: Final = (1, 2, 4)
CROWD: Final = 50_000
"""So many contacts go through flows of more and more nodes."""

SHARED: Final = 10_000
"""So many contacts are shared by workers."""

Point = dict[str, Any]


def flow(nodes: int) -> dict[str, Any]:
    """Draw a flow of so many nodes: a rule, a tag, a message and a day's wait, again and again."""
    case = {"port": "yes", "label": "Trial", "when": {"attr": "plan", "op": "is", "value": "trial"}}
    kinds: Sequence[tuple[str, dict[str, Any]]] = (
        ("branch.rule", {"cases": [case]}),
        ("contact.tag", {"add": ["seen"]}),
        ("send.email", {"subject": "Hello", "text": "Hello"}),
        ("wait.delay", {"duration": "1d"}),
    )  # fmt: skip
    drawn: list[dict[str, Any]] = [{"id": "n0", "type": "trigger.manual"}]
    edges: list[dict[str, Any]] = []
    for number in range(1, nodes):
        kind, config = kinds[(number - 1) % len(kinds)]
        before = drawn[-1]
        ports = ("yes", "else") if before["type"] == "branch.rule" else (None,)
        drawn.append({"id": f"n{number}", "type": kind, "config": config})
        edges += [{"from": before["id"], "to": f"n{number}", **({"port": port} if port else {})} for port in ports]
    return {"dripline": 1, "key": f"of{nodes}", "name": f"Of {nodes} nodes", "nodes": drawn, "edges": edges}


def by_contacts(databases: Databases, counts: Sequence[int]) -> Iterator[Point]:
    """Carry more and more contacts through the bench's flow: ours, the floor, and ours with waits in random order."""
    floor = (floor_sqlite if databases.kind == "sqlite" else floor_postgresql).carry
    for contacts in counts:
        name = f"executor_{contacts}"
        databases.template(name, lambda store, contacts=contacts: executor.prepare(store, contacts))  # type: ignore[misc]
        sides = {"floor": floor, "ours": executor.carry, "random": random_waits.carry}
        yield {"contacts": contacts, **{side: _once(databases, name, run, contacts) for side, run in sides.items()}}


def _once(databases: Databases, name: str, run: Any, contacts: int) -> float:
    url = databases.copy(name)
    sample: Sample = run(url, contacts)
    databases.drop(url)
    return sample.rate


def by_nodes(databases: Databases, counts: Sequence[int], contacts: int) -> Iterator[Point]:
    """Carry as many contacts through flows of more and more nodes."""
    for nodes in counts:
        document = flow(nodes)

        def prepare(store: Store, document: Mapping[str, Any] = document) -> None:
            go_live(engine_on(store), dict(document))
            fill(store, contacts)

        databases.template(document["key"], prepare)
        url = databases.copy(document["key"])
        yield {"nodes": nodes, "ours": _through(url, document, contacts).rate}
        databases.drop(url)


def _through(url: str, document: Mapping[str, Any], contacts: int) -> Sample:
    store = open_store(url)
    waits = sum(node["type"] == "wait.delay" for node in document["nodes"])
    try:
        wiring = engine_on(store)
        with measured() as sample:
            sample.work = enroll_all(wiring, document["key"]).steps
            sample.work += sum(executor.move(wiring, to_micros(START) + day * DAY) for day in range(waits + 1))
    finally:
        store.close()
    if sample.work != contacts * len(document["nodes"]):
        raise AssertionError(f"{contacts} contacts took {sample.work} steps through {len(document['nodes'])} nodes")
    return sample


def main() -> None:
    """Measure, write down, draw."""
    parser = argparse.ArgumentParser(prog="growth", description="Curves: cost by contacts, by nodes, by workers.")
    parser.add_argument("--most", type=int, default=CONTACTS[-1], help="no more contacts than so many")
    parser.add_argument("--draw", action="store_true", help="measure nothing, draw again what is written down")
    asked = parser.parse_args()
    file = FOLDER / "growth.json"
    if not asked.draw:
        found = _measured([count for count in CONTACTS if count <= asked.most])
        file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draws = environment(FOLDER / "growth.txt", ROOT / "build" / "growth")
    subprocess.run([str(draws), str(FOLDER / "growth_drawing.py"), str(file), str(FOLDER)], check=True)


def _measured(counts: Sequence[int]) -> dict[str, Any]:
    found: dict[str, Any] = {"machine": machine(), "contacts": {}, "nodes": {}}
    for kind in KINDS:
        with scratch(kind) as databases:
            found["contacts"][kind] = _told(kind, by_contacts(databases, counts))
            found["nodes"][kind] = _told(kind, by_nodes(databases, NODES, min(CROWD, counts[-1])))
    found["workers"] = [each._asdict() for each in shared(SHARED, 64, WORKERS)]
    return found


def _told(kind: str, points: Iterator[Point]) -> list[Point]:
    found = []
    for point in points:
        print(kind, ", ".join(f"{name} {value:,.0f}" for name, value in point.items()), flush=True)
        found.append(point)
    return found


if __name__ == "__main__":
    main()
