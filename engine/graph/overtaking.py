"""What can be done with a change where others have changed the same things since: all of it, or what is left of it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from engine.graph.delta import ABSENT, Delta, Entry, Key, apply_delta, looker, members_of, name_of

_SIZES: Final = {"node": 2, "edge": 4}


def overtaken(document: Mapping[str, Any], change: Delta) -> list[Key]:
    """Name what is not any more as it was when a change was made, and edges that it would leave without an end."""
    change, look = clean_of(document, change), looker(document)
    lost = [each.key for each in change if look(each.key) != each.was]
    return lost or [*_hanging(document, change), *_loose(document, change)]


def clean_of(document: Mapping[str, Any], change: Delta) -> Delta:
    """Give a change without the places that were only written down with it and that others have changed since."""
    look = looker(document)
    return tuple(each for each in change if not each.is_aside or look(each.key) == each.was)


def rest_of(document: Mapping[str, Any], change: Delta) -> Delta:
    """Give what of a change touches only things that are as they were; edges come along only with both their ends."""
    look = looker(document)
    kept = tuple(each for each in change if not each.is_aside and look(each.key) == each.was)
    keep = {("node", end) for edge in _hanging(document, kept) for end in (edge[1], edge[3])}
    kept = tuple(each for each in kept if not (each.key in keep and each.now is ABSENT))
    loose = set(_loose(document, kept))
    return tuple(each for each in kept if each.key not in loose)


def forced(document: Mapping[str, Any], change: Delta) -> Delta:
    """Give a change anew, so that it comes to pass whatever others did to the same things.

    Shape: what cannot be any more is left out: settings of a node that is gone, edges without an end. Edges of others
    go with a node that goes.
    """
    look = looker(document)
    found = tuple(entry for each in change if not each.is_aside for entry in _forced(look, each))
    found += tuple(Entry(key, look(key), ABSENT, _place(document, key)) for key in _hanging(document, found))
    loose = set(_loose(document, found))
    return tuple(each for each in found if each.key not in loose)


def _forced(look: Callable[[Key], Any], each: Entry) -> Iterator[Entry]:
    current, size = look(each.key), _SIZES.get(each.key[0], 0)
    if current == each.was:
        yield each
    elif len(each.key) == size and each.now is not ABSENT and current is not ABSENT:
        yield from members_of(each.key, current, each.now)
    elif len(each.key) > size and size and look(each.key[:size]) is ABSENT:
        return
    elif current != each.now:
        yield Entry(each.key, current, each.now, each.place)


def _hanging(document: Mapping[str, Any], change: Delta) -> list[Key]:
    """Name the edges at nodes that a change takes away which it does not take away too."""
    going = {each.key for each in change if each.now is ABSENT}
    nodes = {key[1] for key in going if key[0] == "node" and len(key) == _SIZES["node"]}
    edges = document.get("edges") if nodes else ()
    named = (name_of("edge", each) for each in edges) if isinstance(edges, list) else ()
    return [key for key in named if key and key not in going and not nodes.isdisjoint((key[1], key[3]))]


def _loose(document: Mapping[str, Any], change: Delta) -> list[Key]:
    """Name the edges that a change brings back to nodes that are not there."""
    coming = [each.key for each in change if each.key[0] == "edge" and len(each.key) == _SIZES["edge"]]
    look = looker(document)
    coming = [key for key in coming if look(key) is ABSENT]
    if not coming:
        return []
    after = apply_delta(document, change)
    known = {each.get("id") for each in after.get("nodes", ()) if isinstance(each, dict)}
    return [key for key in coming if key[1] not in known or key[3] not in known]


def _place(document: Mapping[str, Any], key: Key) -> int | None:
    values = document.get(f"{key[0]}s", [])
    return next((place for place, value in enumerate(values) if name_of(key[0], value) == key), None)
