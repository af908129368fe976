"""What rules and names mean: rules that never hold, messages that are not there, names that nothing bears."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from engine.contract.findings import Finding
from engine.contract.node import ByEvent, Family
from engine.graph.model import Document
from engine.graph.order import Order
from engine.graph.places import Place, RulePlace, parts, rules
from engine.graph.surroundings import Surroundings
from engine.graph.text import error, warning
from engine.rules.attributes import ACCOUNT_BUILT_IN, BUILT_IN
from engine.rules.contradiction import never_holds
from engine.rules.faults import nearest
from engine.rules.model import Any_, Attr, HasConsent, InSegment, MessageDid, Not, happenings
from engine.rules.names import GRANTS, RECEIPTS, WITHDRAWALS

NAMES: Final = frozenset(("segment", "topic", "event", "flow", "template_key"))
"""The hints of fields that hold a name."""


def check_meaning(
    document: Document, order: Order, found: Sequence[Place], surroundings: Surroundings
) -> Iterator[Finding]:
    """Find rules and names that cannot mean what they seem to."""
    for place in rules(found):
        yield from _never(place)
        if place.node is None and never_holds(Not(place.rule)):
            yield warning("rule.always", place.path, "always holds, so nobody stays in the flow", "narrow it down")
        for part in parts(place):
            if isinstance(part.rule, MessageDid):
                yield from _message(document, order, part, part.rule)
            yield from _names_in_rule(document, surroundings, part)
    for named in found:
        yield from _named(document, surroundings, named)


def _never(place: RulePlace) -> Iterator[Finding]:
    """Find the outermost parts that never hold: the rule itself, or some of several choices."""
    if never_holds(place.rule):
        mend = "mend the rule: its conditions contradict each other"
        yield warning("rule.never", place.path, "can never hold", mend, place.of)
    elif isinstance(place.rule, Any_):
        for number, part in enumerate(place.rule.rules):
            yield from _never(RulePlace(f"{place.path}.any[{number}]", part, place.node))


def _message(document: Document, order: Order, place: RulePlace, rule: MessageDid) -> Iterator[Finding]:
    path, node = f"{place.path}.message", document.by_id.get(rule.node)
    if node is None:
        sends = [each.id for each in document.nodes if each.sends]
        near = nearest(rule.node, sends)
        mend = f"did you mean {near}?" if near else f"nodes that send: {', '.join(sends[:10])}" if sends else ""
        yield error("rule.no_node", path, f"there is no node {rule.node!r}", mend, place.of, id=rule.node)
    elif node.node_type is not None and not node.sends:
        yield warning("rule.no_send", path, f"{rule.node!r} sends nothing", "name a node that sends", place.of)
    elif place.node is not None and place.node.is_trigger:
        words = "holds for nobody here, for nobody is in the flow yet"
        yield warning("rule.no_enrollment", path, words, "ask for an event instead", place.of)
    elif place.node is not None and rule.node not in order.ancestors[place.node.id]:
        words = f"{rule.node!r} does not come before this node"
        yield warning("rule.not_before", path, words, "name a node on the way here", place.of)


def _names_in_rule(document: Document, known: Surroundings, place: RulePlace) -> Iterator[Finding]:
    match place.rule:
        case InSegment(key):
            yield from _unknown("segment", key, known.segments, f"{place.path}.segment", place.of)
        case HasConsent(topic):
            yield from _unknown("topic", topic, known.topics, f"{place.path}.consent", place.of)
        case Attr(name) if known.attributes is not None and not _is_attribute(name, document, known.attributes):
            near = nearest(name, known.attributes)
            mend = f"did you mean {near}?" if near else "mend the name, or import it with contacts"
            yield warning("rule.attribute", f"{place.path}.attr", f"no contact has {name!r}", mend, place.of, name=name)
        case rule:
            for event in happenings(rule):
                yield from _event(event.name, known, place.path, place.of)


def _named(document: Document, known: Surroundings, place: Place) -> Iterator[Finding]:
    if place.hint not in NAMES:
        return
    node = None if place.node is None else place.node.id
    catalogues: Mapping[str, Callable[[], Iterator[Finding]]] = {
        "segment": lambda: _unknown("segment", str(place.value), known.segments, place.path, node),
        "topic": lambda: _unknown("topic", str(place.value), known.topics, place.path, node),
        "event": lambda: _event(str(place.value), known, place.path, node),
        "flow": lambda: _flow(document, str(place.value), known, place.path, node),
        "template_key": lambda: _template(place, known),
    }
    yield from catalogues[place.hint]()


def _unknown(what: str, name: str, known: frozenset[str] | None, path: str, node: str | None) -> Iterator[Finding]:
    if known is None or name in known:
        return
    near = nearest(name, known)
    mend = f"did you mean {near}?" if near else f"make the {what}, or mend the name"
    yield warning(f"unknown.{what}", path, f"there is no {what} {name!r}", mend, node, name=name)


def _event(name: str, known: Surroundings, path: str, node: str | None) -> Iterator[Finding]:
    if known.events is None or name in known.events or name in RECEIPTS or name in GRANTS | WITHDRAWALS:
        return
    near = nearest(name, known.events)
    mend = f"did you mean {near}?" if near else "mend the name, or begin to track it"
    yield warning("unknown.event", path, f"nothing has emitted {name!r} so far", mend, node, name=name)


def _flow(document: Document, key: str, known: Surroundings, path: str, node: str | None) -> Iterator[Finding]:
    if key == document.key:
        words = "leads into this very flow; whoever is in it is let in by its re-entry rule only"
        yield warning("flow.itself", path, words, "lead into another flow", node)
    elif known.flows is not None and key in known.flows and not known.flows[key]:
        words = f"{key!r} cannot be entered from another flow"
        yield warning("flow.closed", path, words, "publish it, with a trigger by hand", node)
    elif known.flows is not None:
        yield from _unknown("flow", key, frozenset(known.flows), path, node)


def _template(place: Place, known: Surroundings) -> Iterator[Finding]:
    if known.templates is None or place.node is None or place.node.node_type is None:
        return
    key, channel = str(place.value), place.node.node_type.channel
    if key not in known.templates:
        near = nearest(key, known.templates)
        mend = f"did you mean {near}?" if near else "make the template, or mend the key"
        yield error("unknown.template", place.path, f"there is no template {key!r}", mend, place.node.id, name=key)
    elif known.templates[key].channel != channel:
        words = f"{key!r} is a template for {known.templates[key].channel}"
        yield error("template.channel", place.path, words, f"use one for {channel}", place.node.id)


def _is_attribute(name: str, document: Document, known: frozenset[str]) -> bool:
    inner = name.removeprefix("account.")
    built_in = ACCOUNT_BUILT_IN if name.startswith("account.") else BUILT_IN
    return inner in built_in or name in known | written(document) or name.split(".")[0] == "score"


def written(document: Document) -> frozenset[str]:
    """Name the attributes that the document's own nodes write."""
    pairs = ((node.node_type, node.config) for node in document.nodes)
    return frozenset(
        name
        for node_type, config in pairs
        if node_type is not None and config is not None
        for name in node_type.writes(config)
    )


def lets_in_by_event(document: Document) -> bool:
    """Tell whether an event can let contacts in, so that templates may read it."""
    triggers = (node for node in document.nodes if node.node_type is not None)
    return any(
        node.node_type.family is Family.TRIGGER
        and (node.config is None or isinstance(node.node_type.entry(node.config), ByEvent))
        for node in triggers
        if node.node_type is not None
    )
