"""Read what a rehearsal is told in files: events, and how contacts behave."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from engine.errors import PeopleError
from engine.simulate.behaviour import Behaviour, Happening
from engine.terms import Micros, parse_instant, to_micros


def read_events(path: Path) -> list[Happening]:
    """Read Segment ``track`` calls, one JSON object a line; a message id counts once.

    Errors: ``PeopleError`` names the line of the first fault.
    """
    seen: set[str] = set()
    found: list[Happening] = []
    for place, event in _objects(path):
        message_id = event.get("messageId")
        if message_id is not None:
            if str(message_id) in seen:
                continue
            seen.add(str(message_id))
        found.append(_happening(event, place))
    return found


def _objects(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if not text:
                continue
            place = f"{path.name}, line {number}"
            try:
                value = orjson.loads(text)
            except orjson.JSONDecodeError as fault:
                raise PeopleError(f"{place}: is no JSON: {fault}") from None
            if not isinstance(value, dict):
                raise PeopleError(f"{place}: is no JSON object; write one track call a line")
            yield place, value


def _happening(event: Mapping[str, Any], place: str) -> Happening:
    if event.get("type", "track") != "track":
        raise PeopleError(f"{place}: {event['type']!r} is not played; an events file holds track calls")
    contact = event.get("userId") or event.get("anonymousId")
    if not isinstance(contact, str | int) or not contact:
        raise PeopleError(f"{place}: userId is missing; it is the id of a contact")
    name = event.get("event")
    if not isinstance(name, str) or not name:
        raise PeopleError(f"{place}: event is missing; it is the name of what happened")
    properties = event.get("properties") or {}
    if not isinstance(properties, dict):
        raise PeopleError(f"{place}: properties are no JSON object")
    return Happening(str(contact), _instant(event.get("timestamp"), place), name, properties)


def _instant(value: object, place: str) -> Micros:
    if not isinstance(value, str):
        raise PeopleError(f"{place}: timestamp is missing; write it like 2026-03-01T09:00:00Z")
    try:
        return to_micros(parse_instant(value))
    except ValueError as fault:
        raise PeopleError(f"{place}: {fault}") from None


def read_behaviour(raw: bytes, name: str) -> Behaviour:
    """Read how contacts behave.

    Errors: ``PeopleError`` lists everything that is wrong.
    """
    try:
        return Behaviour.model_validate_json(raw)
    except ValidationError as faults:
        listed = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}" for fault in faults.errors()
        )
        raise PeopleError(f"{name}: {listed}") from None
