"""The filters that templates may use. Each passes a missing value on and pays for the text it makes."""

import functools
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from designer.rendering.budget import LARGEST, NAME, Budget
from designer.rendering.missing import is_missing
from engine.errors import RenderError

_DATE_FIELDS = re.compile(r"%(-?)([YymdHMS%])")
_DIGITS = 10

Filter = Callable[..., Any]


def _paid(function: Filter) -> Filter:
    """Make a function a filter: missing values pass through, texts are paid for, faults are told in words."""

    @pass_context
    @functools.wraps(function)
    def apply(context: Context, value: Any, *arguments: Any, **options: Any) -> Any:
        if value is None or isinstance(value, Undefined):
            return value
        budget: Budget = context.parent[NAME]
        budget.text(len(value) if isinstance(value, str) else 0)
        try:
            result = function(value, *arguments, **options)
        except (TypeError, ValueError, OverflowError, AttributeError) as fault:
            raise RenderError(f"the filter {function.__name__.strip('_')} cannot use this value: {fault}") from None
        if isinstance(result, str):
            budget.text(len(result))
        return result

    return apply


@pass_context
def default(_context: Context, value: Any, fallback: Any = "", boolean: bool = False) -> Any:
    """Replace a value that is absent, null or blank; with ``boolean`` any that is false."""
    return fallback if is_missing(value) or (boolean and not value) else value


def _text(value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise TypeError("it is for text")
    return value if isinstance(value, str) else written(value)


def written(value: Any) -> str:
    """Write a value out as people do: whole numbers without a point, lists with commas."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list | tuple):
        return ", ".join(written(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def upper(value: Any) -> str:
    """Write in capitals."""
    return _text(value).upper()


def lower(value: Any) -> str:
    """Write in small letters."""
    return _text(value).lower()


def capitalize(value: Any) -> str:
    """Begin with a capital."""
    return _text(value).capitalize()


def title(value: Any) -> str:
    """Begin every word with a capital."""
    return _text(value).title()


def trim(value: Any) -> str:
    """Take white space off both ends."""
    return _text(value).strip()


def truncate(value: Any, length: int = 255, end: str = "…") -> str:
    """Cut a long text."""
    text = _text(value)
    return text if len(text) <= length else text[: max(0, int(length) - len(end))] + end


def replace(value: Any, old: str, new: str) -> str:
    """Put one text in the place of another."""
    text = _text(value)
    old, new = str(old), str(new)
    if not old:
        raise ValueError("it needs a text to look for")
    if len(text) + text.count(old) * max(0, len(new) - len(old)) > LARGEST:
        raise ValueError("the result is too long")
    return str(text).replace(old, new)


def join(value: Any, between: str = "") -> str:
    """Write a list with a text between its items."""
    if not isinstance(value, list | tuple):
        raise TypeError("it is for lists")
    parts = [written(item) for item in value]
    if sum(map(len, parts)) + len(parts) * len(str(between)) > LARGEST:
        raise ValueError("the result is too long")
    return str(between).join(parts)


def length(value: Any) -> int:
    """Count characters or items."""
    return len(value)


def first(value: Any) -> Any:
    """Take the first item."""
    return value[0] if value else None


def last(value: Any) -> Any:
    """Take the last item."""
    return value[-1] if value else None


def int_(value: Any, fallback: int = 0) -> int:
    """Read a whole number."""
    try:
        return int(value) if not isinstance(value, str) else int(float(value[:40]))
    except (ValueError, TypeError, OverflowError):
        return fallback


def float_(value: Any, fallback: float = 0.0) -> float:
    """Read a number."""
    try:
        return float(value if not isinstance(value, str) else value[:40])
    except (ValueError, TypeError, OverflowError):
        return fallback


def abs_(value: Any) -> Any:
    """Drop the sign."""
    return abs(value)


def round_(value: Any, digits: int = 0) -> Any:
    """Round to a number of digits."""
    rounded = round(float(value), min(max(int(digits), -_DIGITS), _DIGITS))
    return int(rounded) if digits <= 0 else rounded


def number(value: Any, digits: int = 0) -> str:
    """Write a number with separators for thousands."""
    return f"{float(value):,.{min(max(int(digits), 0), _DIGITS)}f}"


def date_(value: Any, form: str = "%Y-%m-%d", zone: str | None = None) -> str:
    """Write a date or an instant with the fields ``%Y %y %m %d %H %M %S``; a minus drops a leading zero."""
    moment = _moment(str(value))
    if zone is not None:
        moment = moment.astimezone(ZoneInfo(str(zone)))
    fields = {"%": "%", **{field: moment.strftime(f"%{field}") for field in "YymdHMS"}}

    def field(found: re.Match[str]) -> str:
        text = fields[found[2]]
        return (text.lstrip("0") or "0") if found[1] else text

    return _DATE_FIELDS.sub(field, str(form)[:200])


def _moment(text: str) -> datetime:
    if len(text) == len("2026-01-01"):
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    moment = datetime.fromisoformat(text[:40])
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def urlencode(value: Any) -> str:
    """Make a text fit for a part of an address."""
    return quote(_text(value), safe="")


def tojson(value: Any) -> Markup:
    """Write a value as JSON that is safe inside HTML."""
    text = json.dumps(value, ensure_ascii=False)
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - every sign that means something in HTML was just replaced


def e(value: Any) -> Markup:
    """Make a text fit for HTML."""
    return escape(value)


_PLAIN = (
    upper,
    lower,
    capitalize,
    title,
    trim,
    truncate,
    replace,
    join,
    length,
    first,
    last,
    number,
    urlencode,
    tojson,
    e,
)

FILTERS: dict[str, Filter] = {
    "default": default,
    "d": default,
    **{function.__name__: _paid(function) for function in _PLAIN},
    **{f.__name__.strip("_"): _paid(f) for f in (int_, float_, abs_, round_, date_)},
    "count": _paid(length),
    "escape": _paid(e),
}
"""Every filter by the name that templates use."""


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


TESTS: dict[str, Callable[..., bool]] = {
    "defined": lambda value: not is_missing(value),
    "undefined": is_missing,
    "none": is_missing,
    "string": _is_text,
    "number": _is_number,
    "list": _is_list,
    "boolean": lambda value: isinstance(value, bool),
    "even": lambda value: _is_number(value) and value % 2 == 0,
    "odd": lambda value: _is_number(value) and value % 2 == 1,
}
"""Every test by the name that templates use after ``is``."""
