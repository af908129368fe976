"""What differs between two documents, thing by thing: what undo takes back, and what two hands may not both touch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

from engine.errors import FlowError
from engine.graph.text import is_same

Key: TypeAlias = tuple[str, ...]
"""What changed: ``node/day1/config/subject``, ``edge/day1/out/day2``, ``flow/settings/goal``."""


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
_LISTS: Final = ("nodes", "edges")
_OPEN: Final = {"node": "config", "flow": "settings"}
"""Mappings that are compared member by member."""


class Overtaken(FlowError):
    """Somebody has changed the same thing meanwhile; look at it again before you change it."""

    code = "flow.overtaken"


@dataclass(frozen=True)
class Entry:
    """One thing that was so and is otherwise. ``place`` is where a node or edge stands that comes or goes."""

    key: Key
    was: Any
    now: Any
    place: int | None = None

    @property
    def is_aside(self) -> bool:
        """Tell whether it is a place that a node had anyhow, and that was only written down with something else."""
        return self.key[2:] == ("at",) and ABSENT in (self.was, self.now)

    def as_json(self) -> dict[str, Any]:
        """Write the entry as JSON can hold it; what is absent has no member."""
        sides = {name: value for name, value in (("was", self.was), ("now", self.now)) if value is not ABSENT}
        return {"key": list(self.key), **sides} | ({} if self.place is None else {"place": self.place})


Delta: TypeAlias = tuple[Entry, ...]


def read_delta(raw: Iterable[Mapping[str, Any]]) -> Delta:
    """Read what ``Entry.as_json`` wrote."""
    return tuple(
        Entry(tuple(each["key"]), each.get("was", ABSENT), each.get("now", ABSENT), each.get("place")) for each in raw
    )


def delta(before: Mapping[str, Any], after: Mapping[str, Any]) -> Delta:
    """Say how one document becomes another.

    Shape: applying it to ``before`` gives ``after``, with everything in its place.
    """
    found: list[Entry] = []
    for name in _LISTS:
        found += _lists(name, before.get(name, ABSENT), after.get(name, ABSENT))
    rest = [{key: value for key, value in each.items() if key not in _LISTS} for each in (before, after)]
    found += members_of(("flow",), rest[0], rest[1])
    return tuple(found)


def reverse(change: Delta) -> Delta:
    """Turn a change round."""
    return tuple(Entry(each.key, each.now, each.was, each.place) for each in change)


def apply_delta(document: Mapping[str, Any], change: Delta) -> dict[str, Any]:
    """Change a document as another was changed.

    Errors: ``Overtaken`` with the ``keys`` of what is not any more as it was then.
    """
    look = looker(document)
    lost = [each.key for each in change if look(each.key) != each.was]
    if lost:
        raise Overtaken(keys=lost)
    made = dict(document)
    for each in change:
        if each.key[0] == "flow":
            _put(made, each.key[1:], each.now)
    for name, kind in (("nodes", "node"), ("edges", "edge")):
        mine = [each for each in change if each.key[0] == kind]
        if mine:
            made[name] = _apply_list(made.get(name, []), kind, mine)
    return made


def touched(change: Delta) -> frozenset[Key]:
    """Name what a change touches on purpose: not places that nodes had without being put there."""
    return frozenset(each.key for each in change if not each.is_aside)


def overlap(first: Iterable[Key], second: Iterable[Key]) -> set[Key]:
    """Find what both touch: the same thing, or one thing and a part of it."""
    others = set(second)
    parts = {key[:length] for key in others for length in range(1, len(key) + 1)}
    return {key for key in first if key in parts or any(key[:length] in others for length in range(1, len(key)))}


def name_of(kind: str, value: Any) -> Key | None:
    """Give the key of a node or an edge; None if it has no name of its own."""
    if not isinstance(value, dict):
        return None
    if kind == "node":
        name = value.get("id")
        return (kind, name) if isinstance(name, str) else None
    source, port, target = value.get("from"), value.get("port", "out"), value.get("to")
    if isinstance(source, str) and isinstance(port, str) and isinstance(target, str):
        return (kind, source, port, target)
    return None


def _lists(name: str, before: Any, after: Any) -> list[Entry]:
    if before == after:
        return []
    kind = name.removesuffix("s")
    known, wanted = _named(kind, before), _named(kind, after)
    common = None if known is None or wanted is None else [key for key in known if key in wanted]
    if known is None or wanted is None or common != [key for key in wanted if key in known]:
        return [Entry(("flow", name), before, after)]
    places = {key: place for place, key in enumerate(known)}, {key: place for place, key in enumerate(wanted)}
    gone = [Entry(key, known[key], ABSENT, places[0][key]) for key in known if key not in wanted]
    come = [Entry(key, ABSENT, wanted[key], places[1][key]) for key in wanted if key not in known]
    return gone + come + [entry for key in common or () for entry in members_of(key, known[key], wanted[key])]


def _named(kind: str, values: Any) -> dict[Key, Any] | None:
    """Map nodes or edges by their keys; None when some have none, or share one."""
    if not isinstance(values, list):
        return None
    found: dict[Key, Any] = {}
    for value in values:
        key = name_of(kind, value)
        if key is None or key in found:
            return None
        found[key] = value
    return found


def members_of(key: Key, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Entry]:
    """Say member by member how one thing becomes another."""
    found: list[Entry] = []
    if is_same(before, after):
        return found  # most are the same, and this is the quickest way to see it
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name, ABSENT), after.get(name, ABSENT)
        # A list's order matters to equality; a mapping's does not, and yet ports follow it.
        if was == now and _order(was) == _order(now):
            continue
        opened = len(key) <= 2 and _OPEN.get(key[0]) == name
        if opened and isinstance(was, dict) and isinstance(now, dict):
            found += members_of((*key, name), was, now)
        else:
            found.append(Entry((*key, name), was, now))
    return found


def _order(value: Any) -> object:
    if isinstance(value, dict):
        return [(key, _order(inner)) for key, inner in value.items()]
    return [_order(inner) for inner in value] if isinstance(value, list) else None


def looker(document: Mapping[str, Any]) -> Callable[[Key], Any]:
    """Give what tells of any thing what a document says of it; ``ABSENT`` when there is no such thing."""

    @cache
    def things(kind: str) -> Mapping[Key | None, Any]:
        values, found = document.get(f"{kind}s", []), dict[Key | None, Any]()
        for value in values if isinstance(values, list) else ():
            found.setdefault(name_of(kind, value), value)
        return found

    def look(key: Key) -> Any:
        if key[0] == "flow":
            return _at(document, key[1:])
        size = 2 if key[0] == "node" else 4
        return _at(things(key[0]).get(key[:size], ABSENT), key[size:])

    return look


def _at(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def _put(mapping: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set a member, in a copy of whatever lies on the way."""
    for name in path[:-1]:
        mapping[name] = dict(mapping.get(name) or {})
        mapping = mapping[name]
    if value is ABSENT:
        mapping.pop(path[-1], None)
    else:
        mapping[path[-1]] = value


def _changed(value: Mapping[str, Any], change: Sequence[Entry], size: int) -> dict[str, Any]:
    made = dict(value)
    for each in change:
        _put(made, each.key[size:], each.now)
    return made


def _apply_list(values: list[Any], kind: str, change: Sequence[Entry]) -> list[Any]:
    size = 2 if kind == "node" else 4
    gone = {each.key for each in change if len(each.key) == size and each.now is ABSENT}
    parts: dict[Key, list[Entry]] = {}
    for each in change:
        if len(each.key) > size:
            parts.setdefault(each.key[:size], []).append(each)
    made = []
    for value in values:
        key = name_of(kind, value)
        if key in gone:
            continue
        if key in parts:
            made.append(_changed(value, parts[key], size))
        else:
            made.append(value)
    come = [each for each in change if len(each.key) == size and each.now is not ABSENT]
    for each in sorted(come, key=lambda each: each.place or 0):
        made.insert(len(made) if each.place is None else each.place, each.now)
    return made
