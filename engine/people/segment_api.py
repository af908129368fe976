"""Read calls of the Segment HTTP tracking API: what is allowed, and what a call says. Pure.

Source: Segment's HTTP Tracking API source, its limits and its way to correct a device's clock.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from engine.civil.zones import zone
from engine.people.accounts import AccountRow, row_of
from engine.people.attributes import flatten, has_nul
from engine.people.cells import TAG_SIGN
from engine.people.contacts import KEY_LENGTH, NOTHING, ContactRow, is_key
from engine.people.reading import is_email
from engine.people.tags import is_tag
from engine.terms import Json, Micros, to_micros

CALL_BYTES: Final = 32 * 1024
NAME_LENGTH: Final = 255
LOCALE_LENGTH: Final = 35
DEPTH: Final = 32
"""Deeper objects than this are refused; databases have limits of their own."""

KINDS: Final = ("identify", "track", "page", "screen", "group", "alias")
EVENT_KINDS: Final = frozenset(("track", "page", "screen"))

Call: TypeAlias = Mapping[str, Any]


class IncomingEvent(NamedTuple):
    """One accepted call.

    ``key`` is the contact's, ``anonymous_id`` another name of it. ``name`` and ``properties`` are those of the event
    that a track, page or screen call tells; ``facts`` and ``account`` what a call says about the contact and its
    account; ``previous`` is the key that an alias call gives up.
    """

    kind: str
    key: str
    message_id: str
    at: Micros
    received_at: Micros
    source: str
    workspace_id: int = 1
    name: str = ""
    properties: Mapping[str, Json] = NOTHING
    anonymous_id: str | None = None
    facts: ContactRow | None = None
    account: AccountRow | None = None
    previous: str | None = None


_Told: TypeAlias = tuple[str, Mapping[str, Json], ContactRow | None, AccountRow | None, str | None]
"""What a kind of call says: the event's name and properties, facts, the account's facts, the former key."""


class Refusal(NamedTuple):
    """One call that was not accepted: its place in the batch, a stable code, and why."""

    position: int
    code: str
    reason: str
    payload: str = ""


class Refused(Exception):
    """A call is not accepted."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Envelope(NamedTuple):
    """What holds for all calls of one request: who sends, when we heard, what the batch says about each of them.

    ``is_live`` calls cannot tell the future; those of a file may.
    """

    source: str
    received_at: Micros
    workspace_id: int = 1
    sent_at: Micros | None = None
    context: Mapping[str, Any] = NOTHING
    is_live: bool = True
    message_id: Callable[[Call], str] = lambda call: str(uuid.uuid4())


def read_call(call: object, envelope: Envelope, kind: str | None = None) -> IncomingEvent:
    """Read one call; ``kind`` is that of the address it came to, else it says its type itself.

    Errors: ``Refused``.
    """
    if not isinstance(call, dict):
        raise Refused("json", "a call is a JSON object")
    kind = kind or call.get("type")
    if kind not in KINDS:
        raise Refused("type", f"type is one of {', '.join(KINDS)}")
    user, anonymous = _identity(call, "userId"), _identity(call, "anonymousId")
    key = user or anonymous
    if key is None:
        raise Refused("user", "userId or anonymousId is missing")
    name, properties, facts, account, previous = _READERS[kind](call, key, _context(call, envelope))
    return IncomingEvent(
        kind,
        key,
        _message_id(call, envelope),
        _moment(call, envelope),
        envelope.received_at,
        envelope.source,
        envelope.workspace_id,
        name,
        properties,
        anonymous if anonymous != key else None,
        facts,
        account,
        previous,
    )


def _identity(call: Call, field: str) -> str | None:
    value = call.get(field)
    if value is None or value == "":
        return None
    if type(value) is int:
        value = str(value)
    value = value.strip() if isinstance(value, str) else ""
    if not is_key(value):
        raise Refused("user", f"{field} is a text of at most {KEY_LENGTH} signs")
    return value


def _message_id(call: Call, envelope: Envelope) -> str:
    value = call.get("messageId")
    if value is None or value == "":
        return envelope.message_id(call)
    if not isinstance(value, str) or len(value) > NAME_LENGTH or "\x00" in value:
        raise Refused("message_id", f"messageId is a text of at most {NAME_LENGTH} signs")
    return value


def _context(call: Call, envelope: Envelope) -> Mapping[str, Any]:
    context = call.get("context")
    if context is None:
        return envelope.context
    if not isinstance(context, dict):
        raise Refused("context", "context is a JSON object")
    return {**envelope.context, **context} if envelope.context else context


def read_moment(value: object, field: str) -> Micros:
    """Read an instant of a call; one without an offset is UTC.

    Errors: ``Refused``.
    """
    try:
        instant = datetime.fromisoformat(value)  # type: ignore[arg-type]
        return to_micros(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
    except (TypeError, ValueError, OverflowError):
        raise Refused("timestamp", f"{field} is an ISO 8601 instant like 2026-03-01T09:00:00.000Z") from None


def _moment(call: Call, envelope: Envelope) -> Micros:
    """Tell when it happened, by our clock.

    A device's clock may be wrong: what lies between its happening and its sending is right nevertheless. A call that
    has ``originalTimestamp`` too was corrected before.
    """
    told, original = call.get("timestamp"), call.get("originalTimestamp")
    if not told and not original:
        return envelope.received_at
    at = read_moment(told, "timestamp") if told else read_moment(original, "originalTimestamp")
    if envelope.is_live:
        sent_at = envelope.sent_at
        if call.get("sentAt"):
            sent_at = read_moment(call["sentAt"], "sentAt")
        if sent_at is not None and not (told and original):
            at += envelope.received_at - sent_at
        at = min(at, envelope.received_at)
    return max(at, 0)


def _track(call: Call, key: str, context: Mapping[str, Any]) -> _Told:
    name = call.get("event")
    if not isinstance(name, str) or not name.strip() or len(name) > NAME_LENGTH:
        raise Refused("event", f"event is a name of at most {NAME_LENGTH} signs")
    return name.strip(), _object(call, "properties"), _surroundings(key, context), None, None


def _page(call: Call, key: str, context: Mapping[str, Any]) -> _Told:
    return "page_viewed", _seen(call, context.get("page")), _surroundings(key, context), None, None


def _screen(call: Call, key: str, context: Mapping[str, Any]) -> _Told:
    return "screen_viewed", _seen(call, None), _surroundings(key, context), None, None


def _seen(call: Call, page: object) -> dict[str, Json]:
    named: dict[str, Json] = {
        field: call[field] for field in ("name", "category") if isinstance(call.get(field), str) and call[field]
    }
    where = (
        {field: page[field] for field in _WHERE if isinstance(page.get(field), str)} if isinstance(page, dict) else {}
    )
    return {**where, **named, **_object(call, "properties")}


def _identify(call: Call, key: str, context: Mapping[str, Any]) -> _Told:
    said = _object(call, "traits")
    owner = _company(said.get("company"))
    tagged = said.get("tags")
    tags = tagged.split(TAG_SIGN) if isinstance(tagged, str) else tagged if isinstance(tagged, list) else ()
    around = _surroundings(key, context) or ContactRow(key)
    facts = ContactRow(
        key,
        _email(said),
        _text(said, "phone"),
        _text(said, "timezone") or around.timezone,
        _text(said, "locale") or around.locale,
        _text(said, "stage"),
        owner.key if owner else _text(said, "account"),
        tuple(tag for tag in tags if isinstance(tag, str) and is_tag(tag)),
        flatten({name: value for name, value in said.items() if name != "company"}),
    )
    return "", NOTHING, facts, owner, None


def _group(call: Call, key: str, context: Mapping[str, Any]) -> _Told:
    group = _identity(call, "groupId")
    if group is None:
        raise Refused("group", "groupId is missing")
    around = _surroundings(key, context) or ContactRow(key)
    account = row_of(group, flatten(_object(call, "traits"), of_account=True))
    return "", NOTHING, around._replace(account=group), account, None


def _alias(call: Call, key: str, context: Mapping[str, Any]) -> _Told:
    previous = _identity(call, "previousId")
    if previous is None:
        raise Refused("previous", "previousId is missing")
    return "", NOTHING, None, None, previous


_WHERE: Final = ("url", "path", "title", "referrer")
_READERS: Final[Mapping[str, Callable[[Call, str, Mapping[str, Any]], _Told]]] = {
    "identify": _identify,
    "track": _track,
    "page": _page,
    "screen": _screen,
    "group": _group,
    "alias": _alias,
}


def _object(call: Call, field: str) -> dict[str, Json]:
    value = call.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(field, f"{field} is a JSON object")
    if _is_deep(value.values(), DEPTH):
        raise Refused(field, f"{field} is nested deeper than {DEPTH}")
    return value


def _is_deep(values: Iterable[Json], depth: int) -> bool:
    if _CONTAINERS.isdisjoint(map(type, values)):
        return False
    inner = (value.values() if isinstance(value, dict) else value for value in values if isinstance(value, dict | list))
    return depth <= 1 or any(_is_deep(each, depth - 1) for each in inner)


_CONTAINERS: Final = frozenset((dict, list))


def _surroundings(key: str, context: Mapping[str, Any]) -> ContactRow | None:
    """Take timezone and locale over from a call's context."""
    if not context:
        return None
    timezone, locale = context.get("timezone"), context.get("locale")
    if not isinstance(timezone, str) or zone(timezone) is None:
        timezone = None
    if not isinstance(locale, str) or not 0 < len(locale) <= LOCALE_LENGTH:
        locale = None
    return ContactRow(key, timezone=timezone, locale=locale) if timezone or locale else None


def _text(values: Mapping[str, Json], name: str) -> str | None:
    """Read a fact that has a column: null clears it, what is no text leaves it as it is."""
    value = values.get(name)
    if name in values and value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value.strip()[:NAME_LENGTH] if isinstance(value, str) else None


def _email(values: Mapping[str, Json]) -> str | None:
    email = _text(values, "email")
    if email and not is_email(email):
        raise Refused("email", f"{email!r} is not an email address")
    return email


def _company(value: Json) -> AccountRow | None:
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict):
        return None
    key = _text(value, "id") or _text(value, "name")
    return row_of(key, flatten(value, of_account=True)) if key and is_key(key) else None


def read_single(body: bytes, call: object, envelope: Envelope, kind: str | None) -> IncomingEvent:
    """Read the one call of a request, or one line of a file.

    Errors: ``Refused``.
    """
    if len(body) > CALL_BYTES:
        raise Refused("too_large", f"a call has at most {CALL_BYTES:,} bytes")
    if b"\\u0000" in body and has_nul(call):  # type: ignore[arg-type]
        raise Refused("text", "the call has a NUL character")
    return read_call(call, envelope, kind)


def read_batch(body: bytes, calls: list[object], envelope: Envelope) -> tuple[list[IncomingEvent], list[Refusal]]:
    """Read the calls of a batch: each is accepted or refused by itself."""
    accepted: list[IncomingEvent] = []
    refused: list[Refusal] = []
    doubtful = len(body) > CALL_BYTES or b"\\u0000" in body
    for index, call in enumerate(calls):
        try:
            if doubtful:
                accepted.append(read_single(orjson.dumps(call), call, envelope, None))
            else:
                accepted.append(read_call(call, envelope))
        except Refused as fault:
            refused.append(Refusal(index, fault.code, fault.reason, orjson.dumps(call).decode()))
    return accepted, refused
