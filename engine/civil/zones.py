"""Names of timezones, and which of several holds."""

from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

# Entries of a machine's zone folder that name no place: the machine's own zone, and "not set up".
_NO_PLACE: Final = frozenset({"localtime", "Factory"})

_UTC: Final = ZoneInfo("UTC")


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACE


def all_zones() -> list[str]:
    """List the names of all timezones that are places, and UTC."""
    return sorted(
        name for name in _names() if name == "UTC" or ("/" in name and not name.startswith(("Etc/", "SystemV/")))
    )


@lru_cache(maxsize=4096)
def _find(name: str) -> ZoneInfo | None:
    # Only names of the database reach ZoneInfo: no paths, no "UTC+8", no other spelling.
    return ZoneInfo(name) if name in _names() else None


def zone(name: str | None) -> ZoneInfo | None:
    """Find a timezone by its name in the tz database; ``None`` when there is none of that name."""
    return None if name is None else _find(name)


def effective_zone(*names: str | None) -> ZoneInfo:
    """Choose the first name that is a timezone, UTC when none is."""
    for name in names:
        if name and (found := _find(name)) is not None:
            return found
    return _UTC
