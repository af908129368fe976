"""Make a failing case smaller by leaving things out, greedily, while it still fails."""

import copy
from collections.abc import Callable, Iterator
from typing import TypeAlias

from tests.model.case import Case
from tests.model.facts import Json

Fails: TypeAlias = Callable[[Case], bool]


def shrink(case: Case, fails: Fails, attempts: int) -> Case:
    """Leave out flows, contacts, events, nodes, edges and settings as long as the case fails."""
    tried: set[str] = set()
    shrunk = True
    while shrunk:
        shrunk = False
        for smaller in simpler(case):
            text = smaller.text()
            if text in tried:
                continue
            if len(tried) >= attempts:
                return case
            tried.add(text)
            if is_sound(smaller) and fails(smaller):
                case, shrunk = smaller, True
                break
    return case


def simpler(case: Case) -> Iterator[Case]:
    """List cases that lack something, the boldest first."""
    for place in range(1, len(case.flows)):
        yield altered(case, flows=case.flows[:place] + case.flows[place + 1 :])
    for contact in case.contacts:
        yield altered(case, contacts=[contact], events=[e for e in case.events if e["userId"] == contact["id"]])
    for size in (8, 3, 1):
        for start in range(0, len(case.events), size):
            yield altered(case, events=case.events[:start] + case.events[start + size :])
    for place, flow in enumerate(case.flows):
        for smaller in simpler_flows(flow):
            yield altered(case, flows=[*case.flows[:place], smaller, *case.flows[place + 1 :]])
    if case.segments:
        yield altered(case, segments={})
    for place, contact in enumerate(case.contacts):
        for smaller in simpler_contacts(contact):
            yield altered(case, contacts=[*case.contacts[:place], smaller, *case.contacts[place + 1 :]])


def simpler_flows(flow: Json) -> Iterator[Json]:
    for name in flow.get("settings", {}):
        yield {**flow, "settings": {key: value for key, value in flow["settings"].items() if key != name}}
    for node in flow["nodes"]:
        yield without_node(flow, node["id"])
    for edge in flow["edges"]:
        yield pruned({**flow, "edges": [other for other in flow["edges"] if other is not edge]})


def simpler_contacts(contact: Json) -> Iterator[Json]:
    for name in contact.get("attributes", {}):
        rest = {key: value for key, value in contact["attributes"].items() if key != name}
        yield {**contact, "attributes": rest}
    for name in contact:
        if name not in ("id", "attributes") and contact[name]:
            yield {key: value for key, value in contact.items() if key != name}


def without_node(flow: Json, node: str) -> Json:
    """Take a node out; what led to it leads to where its first port led."""
    after = [edge["to"] for edge in flow["edges"] if edge["from"] == node]
    edges = [edge for edge in flow["edges"] if node not in (edge["from"], edge["to"])]
    for edge in flow["edges"]:
        if edge["to"] == node and after:
            bypass = {**edge, "to": after[0]}
            edges += [] if bypass in edges else [bypass]
    return pruned({**flow, "nodes": [other for other in flow["nodes"] if other["id"] != node], "edges": edges})


def pruned(flow: Json) -> Json:
    """Take out what no trigger reaches any more."""
    reached = {node["id"] for node in flow["nodes"] if node["type"].startswith("trigger.")}
    for _ in flow["nodes"]:
        reached |= {edge["to"] for edge in flow["edges"] if edge["from"] in reached}
    nodes = [node for node in flow["nodes"] if node["id"] in reached]
    edges = [edge for edge in flow["edges"] if {edge["from"], edge["to"]} <= reached]
    return {**flow, "nodes": nodes, "edges": edges}


def altered(case: Case, **changes: object) -> Case:
    smaller = copy.deepcopy(case)
    for name, value in changes.items():
        setattr(smaller, name, copy.deepcopy(value))
    return smaller


def is_sound(case: Case) -> bool:
    """Tell whether all that the flows speak of is still there."""
    flows = {flow["key"] for flow in case.flows}
    for flow in case.flows:
        ids = {node["id"] for node in flow["nodes"]}
        for part in walk(flow):
            if "did" in part and part["message"] not in ids:
                return False
            if "segment" in part and part["segment"] not in case.segments:
                return False
            if part.get("type") == "flow.enter" and part["config"]["flow"] not in flows:
                return False
        if not any(node["type"].startswith("trigger.") for node in flow["nodes"]):
            return False
    return bool(case.contacts)


def walk(part: object) -> Iterator[Json]:
    """Visit every object of a document."""
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from walk(inner)
