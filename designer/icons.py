"""Icons: masks of ``static/vendor/icons.css``, and which of them stands for which family of nodes."""

from functools import cache
from typing import Final

from markupsafe import Markup

FAMILIES: Final = {
    "trigger": "zap",
    "wait": "clock",
    "branch": "git-branch",
    "split": "flask-conical",
    "path": "merge",
    "send": "mail",
    "contact": "pencil",
    "sales": "briefcase-business",
    "flow": "flag",
    # Of a contact's time line:
    "event": "activity",
    "entered": "zap",
    "end": "flag",
    "message": "mail",
}

CHANNELS: Final = {"email": "mail", "sms": "message-square", "wecom": "message-circle", "webhook": "webhook"}

TINTS: Final = {"sms": "sms", "wecom": "wecom", "email": "send", "message": "send", "entered": "trigger", "end": "goal"}
"""Tints that are not named after the family; see the classes ``k-…`` in tokens.css."""


def icon(name: str, extra: str = "") -> Markup:
    """Draw an icon by its name in ``vendor/icons.css``; it says nothing to a screen reader."""
    return Markup('<i class="i i-{}" aria-hidden="true"></i>').format(f"{name} {extra}".strip())


def drawn(family: str, channel: str | None = None) -> tuple[str, str]:
    """Tell the tint and the icon of a node's family, or of the channel that it sends by."""
    tint = TINTS.get(channel or "", TINTS.get(family, family))
    return tint, CHANNELS.get(channel or "", FAMILIES.get(family, "square-dashed"))


@cache
def sign(family: str, channel: str | None = None) -> Markup:
    """Draw the sign of a node's family, or of the channel that it sends by: an icon on its tinted ground."""
    tint, name = drawn(family, channel)
    return Markup('<span class="badge k k-{}">{}</span>').format(tint, icon(name))
