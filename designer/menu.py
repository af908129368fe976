"""The main menu. A page that belongs into it adds its line here; only pages that are there are shown."""

from dataclasses import dataclass
from typing import Final

from designer.language import mark
from engine.api.acting import Right


@dataclass(frozen=True)
class Entry:
    """One line of the menu: where it leads, what it says, its icon, what else belongs to it, and who sees it."""

    path: str
    words: str
    icon: str
    below: tuple[str, ...] = ()
    right: Right = Right.READ

    def holds(self, path: str) -> bool:
        """Tell whether a page belongs to this line."""
        places = (self.path, *self.below)
        return any(path == place or (place != "/" and path.startswith(place + "/")) for place in places)


FAILURES: Final = "/failures"

MENU: Final = (
    Entry("/", mark("Flows"), "route", ("/flows", "/gallery", "/import")),
    Entry("/contacts", mark("Contacts"), "users"),
    Entry("/segments", mark("Segments"), "funnel"),
    Entry("/templates", mark("Messages"), "mail"),
    Entry("/experiments", mark("Experiments"), "flask-conical"),
    Entry("/inbox", mark("Inbox"), "inbox"),
    Entry(FAILURES, mark("Needs attention"), "triangle-alert"),
    Entry("/settings", mark("Settings"), "settings", right=Right.MANAGE),
)
