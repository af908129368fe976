"""JSON pointers (RFC 6901) into settings."""

import re
from typing import Any

from engine.errors import FlowError

_PLACE = re.compile(r"0|[1-9]\d{0,5}")


def at_pointer(value: Any, pointer: str) -> Any:
    """Give what a pointer points to; None when there is nothing."""
    for part in _parts(pointer):
        if isinstance(value, list):
            value = value[int(part)] if _PLACE.fullmatch(part) and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def put_pointer(value: Any, pointer: str, new: Any) -> Any:
    """Give a copy of a value in which what a pointer points to is another; ``None`` takes it away.

    Shape: objects on the way are made; ``-`` is the place after a list's last member.
    Errors: ``FlowError`` when the pointer leads nowhere.
    """
    if not pointer:
        return new
    if not pointer.startswith("/"):
        raise FlowError(f"{pointer!r} is no JSON pointer; write it like /cases/0/when")
    return _put(value, _parts(pointer), new, pointer)


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _put(value: Any, parts: list[str], new: Any, pointer: str) -> Any:
    head, rest = parts[0], parts[1:]
    if isinstance(value, list):
        return _put_list(value, head, rest, new, pointer)
    if value is not None and not isinstance(value, dict):
        raise FlowError(f"{pointer!r} leads into a value that has no members")
    made = dict(value or {})
    if rest:
        made[head] = _put(made.get(head), rest, new, pointer)
    elif new is None:
        made.pop(head, None)
    else:
        made[head] = new
    return made


def _put_list(value: list[Any], head: str, rest: list[str], new: Any, pointer: str) -> list[Any]:
    made = list(value)
    place = len(made) if head == "-" else int(head) if _PLACE.fullmatch(head) else -1
    if not 0 <= place <= len(made):
        raise FlowError(f"{pointer!r} leads to no member of the list")
    if rest:
        inner = _put(made[place] if place < len(made) else None, rest, new, pointer)
        made[place : place + 1] = [inner]
    elif new is None:
        del made[place : place + 1]
    else:
        made[place : place + 1] = [new]
    return made
