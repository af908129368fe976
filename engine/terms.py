"""Words and small values that every room shares: instants, durations, texts, hashes.

An *instant* is an aware UTC ``datetime`` at the surface and an ``int`` of microseconds
since 1970-01-01T00:00Z inside the store and the executor.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

Micros: TypeAlias = int
"""Microseconds since 1970-01-01T00:00Z, or a length of time in microseconds."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A value that JSON can hold."""

Text: TypeAlias = str | dict[str, str]
"""A text for people: one string, or one per language tag."""

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

SHARE_RANGE: Final = 10_000
"""Shares of a split are whole numbers out of this many."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)
_PRIME: Final = (1 << 31) - 1
_SHORT = re.compile(r"(-?)(\d{1,9})(s|m|h|d|w)")
_ISO = re.compile(
    r"(-?)P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:[.,](\d{1,6}))?S)?)?"
)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def to_micros(instant: datetime) -> Micros:
    """Count the microseconds since 1970.

    Errors: ``ValueError`` for an instant without an offset.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset from UTC")
    delta = instant - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def from_micros(micros: Micros) -> datetime:
    """Make the aware UTC instant of a count of microseconds."""
    return _EPOCH + timedelta(microseconds=micros)


def length_micros(length: timedelta) -> Micros:
    """Count the microseconds of a length of time."""
    return (length.days * 86_400 + length.seconds) * SECOND + length.microseconds


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant with an offset.

    Errors: ``ValueError`` says what is missing.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an instant; write it like 2026-03-01T09:00:00+08:00") from None
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC; write it like 2026-03-01T09:00:00+08:00")
    return instant.astimezone(UTC)


def format_instant(instant: datetime | Micros) -> str:
    """Write an instant in UTC, ISO 8601, whole seconds and ``Z``."""
    return _written((instant if isinstance(instant, int) else to_micros(instant)) // SECOND)


@lru_cache(maxsize=4096)
def _written(seconds: int) -> str:
    # Without an offset: a journal has so many instants that writing one and cutting it off again would show.
    return f"{(_NAIVE_EPOCH + timedelta(seconds=seconds)).isoformat()}Z"


@lru_cache(maxsize=4096)
def parse_duration(text: str, *, signed: bool = False) -> timedelta:
    """Read ``90s 30m 12h 3d 2w`` or an ISO 8601 duration without months and years.

    Units: ``d`` is exactly 24 hours. With ``signed`` a leading minus is allowed.
    Errors: ``ValueError`` says how to write it.
    """
    length = _parse_short(text) or _parse_iso(text)
    if length is None:
        raise ValueError(f'{text!r} is not a duration; write it like "90s", "30m", "12h", "3d", "2w" or "P3DT4H"')
    negative, value = length
    if negative and not signed:
        raise ValueError(f"{text!r} is negative; a duration here counts forwards only")
    return -value if negative else value


def _parse_short(text: str) -> tuple[bool, timedelta] | None:
    found = _SHORT.fullmatch(text)
    if found is None:
        return None
    sign, number, unit = found.groups()
    return bool(sign), _bounded(**{_UNITS[unit]: int(number)})


def _parse_iso(text: str) -> tuple[bool, timedelta] | None:
    found = _ISO.fullmatch(text)
    if found is None or not any(found.groups()[1:]) or text.endswith("T"):
        return None
    sign, *parts, fraction = found.groups()
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in parts)
    micros = int((fraction or "").ljust(6, "0") or 0)
    return bool(sign), _bounded(
        weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=micros
    )


def _bounded(**parts: int) -> timedelta:
    try:
        length = timedelta(**parts)
    except OverflowError:
        length = timedelta.max
    if length > timedelta(days=36_525):
        raise ValueError("a duration may not be longer than 100 years")
    return length


def text_in(text: Text | None, language: str, fallback: str = "en") -> str:
    """Choose the wording for a language: exact, then same base language, then the fallback, then any."""
    if text is None:
        return ""
    if isinstance(text, str):
        return text
    return _best(text, language) or _best(text, fallback) or next(iter(text.values()), "")


def _best(texts: Mapping[str, str], language: str) -> str | None:
    wanted = language.replace("_", "-").lower()
    base = wanted.split("-")[0]
    tags = {tag.replace("_", "-").lower(): value for tag, value in texts.items()}
    if wanted in tags:
        return tags[wanted]
    return next((value for tag, value in tags.items() if tag.split("-")[0] == base), None)


def contact_hash(key: str) -> int:
    """Hash a contact's key to 31 bits, the same for ever and everywhere."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) & _PRIME


def part_of(contact: int, parts: int) -> int:
    """Fold a contact's hash to one of the store's parts."""
    return contact % parts


@lru_cache(maxsize=65_536)
def share_numbers(salt: str) -> tuple[int, int]:
    """Derive ``(a, b)`` of the share function from a salt.

    Shape: both below 2**31 - 1, so that ``h * a + b`` stays below 2**62 in every database.
    """
    digest = hashlib.sha256(salt.encode()).digest()
    a = 1 + int.from_bytes(digest[:8]) % (_PRIME - 1)
    b = int.from_bytes(digest[8:16]) % _PRIME
    return a, b


def share_of(contact: int, salt: str) -> int:
    """Place a contact's hash in 0..9999 under a salt, sticky on every pass."""
    a, b = share_numbers(salt)
    return (contact * a + b) % _PRIME % SHARE_RANGE


def share_bounds(weights: Mapping[str, float]) -> list[tuple[str, int]]:
    """Turn weights into upper bounds of consecutive ranges.

    Shape: in the order of ``weights``; the last bound of a positive sum is ``SHARE_RANGE``.
    """
    total = sum(weights.values())
    bounds: list[tuple[str, int]] = []
    running = 0.0
    for port, weight in weights.items():
        running += weight
        bounds.append((port, round(running / total * SHARE_RANGE)))
    return bounds


SHARE_PRIME: Final = _PRIME
