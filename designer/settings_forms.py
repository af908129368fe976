"""Read the forms of the settings pages: what stands in fields becomes what the workspace keeps."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from starlette.datastructures import FormData

from designer.language import mark
from engine.errors import EngineError
from engine.terms import Json, parse_duration

UNITS: Final = {"h": mark("hours"), "d": mark("days"), "w": mark("weeks")}
PROVIDERS: Final = ("sms", "wecom")


def workspace_settings(form: FormData) -> dict[str, Json]:
    """Read quiet hours, the frequency cap, teams and approval.

    Errors: ``EngineError`` says what cannot be read.
    """
    return {
        "quiet_hours": _quiet_hours(_text(form, "quiet_from"), _text(form, "quiet_to")),
        "frequency_cap": _cap(form),
        "teams": _teams(_text(form, "teams")) or None,
        "approval": True if "approval" in form else None,
    }


def provider_settings(form: FormData, known: Mapping[str, Any]) -> dict[str, Json]:
    """Read the providers of short texts; a key that is left empty stays what it was."""
    found: dict[str, Json] = {}
    for channel in PROVIDERS:
        url = _text(form, f"{channel}_url")
        if url and not url.startswith(("https://", "http://")):
            raise EngineError(f"{url!r} is no address; it begins with https://")
        before = known.get(channel) or {}
        key = _text(form, f"{channel}_key") or str(before.get("key") or "")
        given = {"url": url, "key": key, "sender": _text(form, f"{channel}_sender")}
        found[channel] = {name: value for name, value in given.items() if value} if url else None
    return found


def cap_fields(settings: Mapping[str, Any]) -> dict[str, str]:
    """Take a frequency cap apart for its fields: how many, in how many of which unit, and what then."""
    cap = settings.get("frequency_cap") or {}
    per = parse_duration(str(cap.get("per") or "7d"))
    unit, length = next((u, v) for u, v in (("w", _WEEK), ("d", _DAY), ("h", _HOUR)) if per % v == _NOTHING)
    return {
        "messages": str(cap.get("messages") or ""),
        "number": str(per // length),
        "unit": unit,
        "on_excess": str(cap.get("on_excess") or "skip"),
    }


def team_lines(settings: Mapping[str, Any]) -> str:
    """Write the teams as lines: ``east: mei, tom``."""
    teams: Mapping[str, Any] = settings.get("teams") or {}
    return "\n".join(f"{name}: {', '.join(map(str, users))}" for name, users in teams.items())


_NOTHING: Final = timedelta(0)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(weeks=1)


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def _quiet_hours(begin: str, end: str) -> Json:
    if not begin and not end:
        return None
    if not begin or not end:
        raise EngineError("quiet hours need a beginning and an end")
    return {"from": begin, "to": end}


def _cap(form: FormData) -> Json:
    messages, number = _text(form, "cap_messages"), _text(form, "cap_number") or "7"
    if not messages:
        return None
    if not messages.isdecimal() or not number.isdecimal() or int(messages) < 1 or int(number) < 1:
        raise EngineError("a frequency cap is a number of messages in a number of hours, days or weeks")
    unit = _text(form, "cap_unit")
    excess = "delay" if _text(form, "cap_excess") == "delay" else "skip"
    return {"messages": int(messages), "per": f"{int(number)}{unit if unit in UNITS else 'd'}", "on_excess": excess}


def _teams(text: str) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, users = line.partition(":")
        members: list[Json] = [user for user in map(str.strip, users.split(",")) if user]
        if not colon or not name.strip() or not members:
            raise EngineError(f"{line!r} is no team; write it like  east: mei, tom")
        found[name.strip()] = members
    return found
