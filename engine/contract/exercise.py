"""The conformance suite for node types: what every one must keep, ours and a stranger's.

In the tests of a plug-in: ``exercise(MyNodeType)``.
"""

import json
from collections.abc import Iterator
from itertools import chain, combinations
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from engine.contract.imagined import Imagined, World
from engine.contract.node import Family, NodeConfig, NodeType
from engine.contract.registry import Registry
from engine.errors import NodeError
from engine.terms import Json, text_in

MOST_PORTS: Final = 30
_MOST_COMBINATIONS: Final = 64


def exercise(node_type: type[NodeType[Any]]) -> None:
    """Put a node type through everything that the engine expects of it.

    Errors: ``NodeError`` lists all that it does not keep.
    """
    faults = list(faults_of(node_type))
    if faults:
        raise NodeError(f"{node_type.__name__}: " + "; ".join(faults), faults=faults)


def faults_of(node_type: type[NodeType[Any]]) -> Iterator[str]:
    """List what a node type does not keep."""
    try:
        made = node_type()
    except TypeError as refused:
        yield f"cannot be made: {refused}"
        return
    try:
        Registry([made])
    except NodeError as refusal:
        listed = refusal.facts["faults"]
        yield from listed if isinstance(listed, list) else [str(refusal)]
        return
    if not text_in(getattr(made, "title", None), "en"):
        yield "title is missing"
    yield from _model_faults(made.config_type)
    if not made.examples:
        yield "examples are missing: give at least one as flows write it"
    for place, example in enumerate(made.examples):
        for fault in _example_faults(made, example):
            yield f"examples[{place}]: {fault}"


def _model_faults(model: type[BaseModel]) -> Iterator[str]:
    if not (model.__doc__ or "").strip():
        yield f"{model.__name__} has no docstring: it heads the form"
    for name, info in model.model_fields.items():
        for word in ("title", "description"):
            if not getattr(info, word):
                yield f"{model.__name__}.{name} has no {word}"
    if model.model_config.get("extra") != "forbid":
        yield f"{model.__name__} takes unknown keys: derive it from NodeConfig"
    try:
        json.dumps(model.model_json_schema())
    except Exception as fault:  # noqa: BLE001 - whatever a stranger's model raises is told
        yield f"{model.__name__} has no JSON schema: {fault}"


def _example_faults(node_type: NodeType[Any], example: dict[str, Json]) -> Iterator[str]:
    try:
        config = node_type.config_type.model_validate(example)
    except ValidationError as fault:
        yield f"is refused: {fault.errors()[0]['msg']}"
        return
    try:
        said = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
        again = node_type.config_type.model_validate(json.loads(json.dumps(said)))
        if again != config:
            yield "is another one after writing and reading it"
        if not text_in(node_type.summary(config), "en"):
            yield "has no summary"
        yield from _port_faults(node_type, config)
        yield from _run_faults(node_type, config)
    except Exception as fault:  # noqa: BLE001 - whatever a stranger's code raises is told
        yield f"fails: {type(fault).__name__}: {fault}"


def _port_faults(node_type: NodeType[Any], config: NodeConfig) -> Iterator[str]:
    keys = [port.key for port in node_type.ports(config)]
    if len(keys) != len(set(keys)):
        yield f"has a port twice: {', '.join(keys)}"
    if len(keys) > MOST_PORTS:
        yield f"has {len(keys)} ports, and {MOST_PORTS} are the most"
    if (node_type.family is Family.TRIGGER) != (node_type.entry(config) is not None):
        yield "a trigger says in entry() how contacts come in, and no other node does"
    for key in keys:
        if node_type.least_wait(config, key).total_seconds() < 0:
            yield f"least_wait is negative for port {key!r}"


def _run_faults(node_type: NodeType[Any], config: NodeConfig) -> Iterator[str]:
    """Run it on waves with every combination of what it asks about, for every choice of connected ports."""
    keys = [port.key for port in node_type.ports(config)]
    subsets = chain.from_iterable(combinations(keys, size) for size in range(len(keys), -1, -1))
    seen: set[str] = set()
    for number, connected in enumerate(subsets):
        if number >= _MOST_COMBINATIONS:
            break
        asked = Imagined(World([]), frozenset(connected))
        node_type.run(asked, config)
        wave = Imagined(World(list(asked.world.asked.items())), frozenset(connected))
        node_type.run(wave, config)
        for fault in _wave_faults(node_type, keys, wave):
            if fault not in seen:
                seen.add(fault)
                yield fault


def _wave_faults(node_type: NodeType[Any], keys: list[str], wave: Imagined) -> Iterator[str]:
    went: dict[int, int] = {}
    outcomes = [*(some for _, some in wave.routes), *(some for some, _ in wave.parks), *wave.stays]
    for some in outcomes:
        for number in some.numbers:
            went[number] = went.get(number, 0) + 1
    left = wave.world.everybody().numbers - went.keys()
    if left:
        yield f"leaves members without a way: {_who(wave, min(left))}"
    twice = [number for number, times in went.items() if times > 1]
    if twice:
        yield f"sends members more than one way: {_who(wave, min(twice))}"
    for port, _ in wave.routes:
        if port not in keys:
            yield f"routes to {port!r} and declares {', '.join(keys)}"
    for some, until in wave.parks:
        if late := some.numbers & until.past.numbers:
            yield f"lets members rest until an instant that is over: {_who(wave, min(late))}"
    yield from _sending_faults(node_type, wave)


def _sending_faults(node_type: NodeType[Any], wave: Imagined) -> Iterator[str]:
    if bool(wave.sent) != (node_type.channel is not None):
        yield "a node that sends declares its channel, and no other node does"
    routed = frozenset[int]().union(*(some.numbers for _, some in wave.routes))
    for channel, some in wave.sent:
        if channel != node_type.channel:
            yield f"sends by {channel!r} and declares {node_type.channel!r}"
        if staying := some.numbers - routed:
            yield f"sends to members who stay: {_who(wave, min(staying))}"


def _who(wave: Imagined, number: int) -> str:
    """Describe a member by the answers that make it."""
    answers = wave.world.members[number]
    return ", ".join(f"{question}={answer}" for question, answer in zip(wave.world.questions, answers, strict=False))
