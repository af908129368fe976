"""Make plans of documents."""

from engine.errors import FlowError
from engine.graph.model import Document
from engine.graph.order import order_of
from engine.library import steps
from engine.library.plan import Plan, PlanNode


def make_plan(document: Document, *, version_id: int, flow_id: int, workspace_id: int) -> Plan:
    """Bring a document that has no error-level finding into the shape in which waves use it.

    Errors: ``FlowError`` for a document with a node that could not be read.
    """
    found = order_of(document)
    index = {node.id: place for place, node in enumerate(found.nodes)}
    ports = {node.id: tuple(port.key for port in node.ports or ()) for node in found.nodes}
    targets: dict[str, dict[str, list[int]]] = {name: {port: [] for port in ports[name]} for name in index}
    inbound: dict[str, list[str]] = {name: [] for name in index}
    for edge in document.edges:
        way = targets[edge.source][edge.port]
        if not way:
            # Further edges of a port are walked by clones, which arrive under a code of their own.
            inbound[edge.target].append(steps.step(index[edge.source], ports[edge.source].index(edge.port)))
        way.append(index[edge.target])
    nodes: list[PlanNode] = []
    for place, node in enumerate(found.nodes):
        if node.node_type is None or node.config is None:
            raise FlowError(f"{node.path}: {node.type!r} could not be read", node=node.id)
        nodes.append(
            PlanNode(
                index=place,
                id=node.id,
                name=node.name,
                type=node.node_type,
                config=node.config,
                ports=ports[node.id],
                targets={port: tuple(way) for port, way in targets[node.id].items()},
                inbound=tuple(inbound[node.id]),
                ancestors=frozenset(index[each] for each in found.ancestors[node.id]),
                repeats=node.id in found.repeated,
            )
        )
    settings = document.settings
    quiet = settings.quiet_hours
    return Plan(
        version_id=version_id,
        flow_id=flow_id,
        flow_key=document.key,
        flow_name=document.name,
        workspace_id=workspace_id,
        timezone=settings.timezone,
        quiet=None if quiet is None else (quiet.start, quiet.end),
        goal=settings.goal,
        exit=settings.exit_when,
        reentry=settings.reentry.allow,
        cooldown=settings.reentry.cooldown,
        nodes=tuple(nodes),
        parallel=found.parallel,
        trigger_places=tuple(index[node.id] for node in document.nodes if nodes[index[node.id]].entry is not None),
        raw=document.raw,
    )
