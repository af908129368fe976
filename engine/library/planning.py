"""Make plans of documents."""

from engine.graph.document import Document
from engine.graph.order import order
from engine.library import steps
from engine.library.plan import Plan, PlanNode


def make_plan(document: Document, *, version_id: int, flow_id: int, workspace_id: int) -> Plan:
    """Bring a document that has no error-level finding into the shape in which waves use it."""
    edges = [(edge.source, edge.port, edge.target) for edge in document.edges]
    found = order([node.id for node in document.nodes], edges)
    index = {node: place for place, node in enumerate(found.ids)}
    drawn = {node.id: node for node in document.nodes}
    ports = {
        node.id: tuple(port.key for port in node.node_type.ports(node.config)) for node in document.nodes
    }
    targets: dict[str, dict[str, list[int]]] = {name: {port: [] for port in ports[name]} for name in found.ids}
    inbound: dict[str, list[str]] = {name: [] for name in found.ids}
    for source, port, target in edges:
        way = targets[source][port]
        if not way:
            # Further edges of a port are walked by clones, which arrive under a code of their own.
            inbound[target].append(steps.step(index[source], ports[source].index(port)))
        way.append(index[target])
    nodes = tuple(
        PlanNode(
            index=index[name],
            id=name,
            name=drawn[name].name,
            type=drawn[name].node_type,
            config=drawn[name].config,
            ports=ports[name],
            targets={port: tuple(way) for port, way in targets[name].items()},
            inbound=tuple(inbound[name]),
            ancestors=frozenset(index[each] for each in found.ancestors[name]),
            repeats=name in found.repeats,
        )
        for name in found.ids
    )
    settings = document.settings
    return Plan(
        version_id=version_id,
        flow_id=flow_id,
        flow_key=document.key,
        flow_name=document.name,
        workspace_id=workspace_id,
        timezone=settings.timezone,
        quiet=None if settings.quiet_hours is None else (settings.quiet_hours.from_, settings.quiet_hours.to),
        goal=settings.goal,
        exit=settings.exit_when,
        reentry=settings.reentry.allow,
        cooldown=settings.reentry.cooldown,
        nodes=nodes,
        parallel=found.parallel,
        trigger_places=tuple(
            index[node.id] for node in document.nodes if node.node_type.entry(node.config) is not None
        ),
    )
