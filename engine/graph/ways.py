"""Ports that an author names in a node's settings: how edges follow them, also while the settings cannot be read."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError

from engine.contract.fields import PORT_PATTERN, Hint, hint_of
from engine.contract.node import NodeType
from engine.graph.sizes import ports_with

_USABLE: Final = re.compile(PORT_PATTERN)


@dataclass(frozen=True)
class Way:
    """A port as settings name it. ``rest`` is what its entry says besides the name."""

    name: str | None
    rest: str


@dataclass(frozen=True)
class Followed:
    """What becomes of the edges of a node: the ports with another name now, and those that are gone."""

    renamed: Mapping[str, str]
    gone: frozenset[str]


def follow(node_type: NodeType[Any], old: Mapping[str, Any], new: Mapping[str, Any], used: Iterable[str]) -> Followed:
    """Say what becomes of the ``used`` ports of a node when its settings become others.

    Shape: who has lost a usable name keeps its edges under the last one, until it gets another.
    """
    before, after = _ways(node_type, old), _ways(node_type, new)
    ports = _ports(node_type, new)
    if not before and not after:
        return _by_place(_ports(node_type, old), ports, used)
    renamed, gone = _matched(before, after)
    named = {str(way.name) for way in (*before, *after)}
    left = [port for port in dict.fromkeys(used) if port not in named and port not in _fixed(node_type)]
    known = _formed(before)
    fresh = [name for name in _usable(after) if name not in known and name not in renamed.values()]
    if len(left) == len(fresh) == len(before) - len(known):
        renamed |= dict(zip(left, fresh, strict=True))
    if ports is not None:
        gone |= {port for port in used if port not in renamed and port not in ports}
    return Followed(renamed, frozenset(gone - renamed.keys()))


def _matched(before: Sequence[Way], after: Sequence[Way]) -> tuple[dict[str, str], set[str]]:
    """Find the ways that have another name, and those that are gone.

    Shape: a way is known again by all it says, else by what it says besides its name if no other says that, else by
    its name, else by its place among those that are left.
    """
    lost, came = list(before), list(after)
    pairs: list[tuple[Way, Way]] = []
    for same in (_all, _rest, _name):
        met = _met(lost, came, same)
        pairs += met
        lost = [way for way in lost if all(way is not one for one, _ in met)]
        came = [way for way in came if all(way is not other for _, other in met)]
    if len(lost) == len(came):
        pairs += zip(lost, came, strict=True)
        lost = []
    known, usable = _usable(before), _usable(after)
    renamed = {str(one.name): str(other.name) for one, other in pairs if one.name in known and other.name in usable}
    return {old: new for old, new in renamed.items() if old != new}, {
        str(way.name) for way in lost if way.name in known
    }


def _met(lost: Sequence[Way], came: Sequence[Way], same: Callable[[Way], object]) -> list[tuple[Way, Way]]:
    """Pair the ways that are the same in something in which no two others of a side are."""
    sides = [Counter(map(same, side)) for side in (lost, came)]
    sole = {what for what, count in sides[0].items() if count == 1 == sides[1][what]}
    others = {same(way): way for way in came}
    return [(way, others[same(way)]) for way in lost if same(way) in sole]


def _all(way: Way) -> object:
    return way


def _rest(way: Way) -> object:
    return way.rest


def _name(way: Way) -> object:
    return way.name


def _by_place(before: Sequence[str] | None, after: Sequence[str] | None, used: Iterable[str]) -> Followed:
    """Follow ports that have no names of their own, such as thresholds: one that changed is in the same place."""
    if after is None or before is None:
        return Followed({}, frozenset())
    places = dict(zip(before, after, strict=True)) if len(before) == len(after) else {}
    renamed = {
        one: other for one, other in places.items() if one not in after and other not in before and one in before
    }
    return Followed(
        renamed, frozenset(port for port in used if port in before and renamed.get(port, port) not in after)
    )


def _ports(node_type: NodeType[Any], config: Mapping[str, Any]) -> list[str] | None:
    """Name the ports that there are; None when the settings cannot be read."""
    try:
        node_type.config_type.model_validate(config)
    except ValidationError:
        return None
    return [port.key for port in ports_with(node_type, config)]


def _fixed(node_type: NodeType[Any]) -> set[str]:
    """Name the ports of the examples that no setting names: such as the one for everybody else."""
    found: set[str] = set()
    for example in node_type.examples:
        found |= {port.key for port in ports_with(node_type, example)} - {way.name for way in _ways(node_type, example)}
    return found


def _formed(ways: Sequence[Way]) -> set[str]:
    return {way.name for way in ways if way.name is not None and _USABLE.fullmatch(way.name)}


def _usable(ways: Sequence[Way]) -> list[str]:
    """Name the ports that edges may leave by: a name that two have is nobody's."""
    names, formed = [way.name for way in ways], _formed(ways)
    return [name for name in names if name is not None and name in formed and names.count(name) == 1]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _ways(node_type: NodeType[Any], config: Mapping[str, Any]) -> list[Way]:
    """List the ports that settings name, in their order; what is not shaped like them is passed over."""
    found: list[Way] = []
    for key, member in _settings(node_type.config_type):
        value = config.get(key)
        if member is None and isinstance(value, dict):
            found += [Way(str(name), _written(weight)) for name, weight in value.items()]
        elif isinstance(value, list):
            items = [item if isinstance(item, dict) else {} for item in value]
            found += [
                Way(_text(item.get(member)), _written({name: said for name, said in item.items() if name != member}))
                for item in items
            ]
    return found


@cache
def _settings(model: type[BaseModel]) -> tuple[tuple[str, str | None], ...]:
    """Find the settings that name ports: keys of a mapping, or a member of each entry of a list."""
    return tuple(
        (info.alias or name, member)
        for name, info in model.model_fields.items()
        for member in _named_by(info.annotation)
    )


def _named_by(annotation: Any) -> Iterator[str | None]:
    arguments = get_args(annotation)
    if get_origin(annotation) in (dict, Mapping) and _is_port(arguments[0]):
        yield None
    elif get_origin(annotation) in (list, tuple, Sequence):
        item = arguments[0]
        if isinstance(item, type) and issubclass(item, BaseModel):
            yield from (info.alias or name for name, info in item.model_fields.items() if hint_of(info) == "port")


def _is_port(annotation: Any) -> bool:
    notes = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return any(isinstance(note, Hint) and note.kind == "port" for note in notes)
