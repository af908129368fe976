"""Dates and instants as texts of attributes: one grammar for Python and both databases."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

from engine.terms import Micros, to_micros

_DAY: Final = (
    r"(?:[1-9][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)-02-29)"
)
_TIME: Final = (
    r"(?:[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?"
    r"(?:[Zz]|[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?))"
)
DATE_PATTERN: Final = f"^{_DAY}$"
INSTANT_PATTERN: Final = f"^{_DAY}{_TIME}$"
"""Regular expressions without anything that Python and PostgreSQL read differently; what matches always exists."""

_DATE = re.compile(DATE_PATTERN)
_INSTANT = re.compile(INSTANT_PATTERN)


@lru_cache(maxsize=65_536)
def date_micros(text: str) -> Micros | None:
    """Read ``YYYY-MM-DD`` as its 00:00 UTC, or an ISO 8601 instant with an offset; ``None`` for anything else.

    Shape: years from 1000 to 9999; a seventh and later digit of a second is dropped.
    """
    if _DATE.fullmatch(text):
        return to_micros(datetime.fromisoformat(f"{text}T00:00:00+00:00"))
    if not _INSTANT.fullmatch(text):
        return None
    return to_micros(datetime.fromisoformat(text.upper()))
