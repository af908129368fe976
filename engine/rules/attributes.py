"""Where an attribute's name leads: to a column, to the typed attributes, or to the account."""

from dataclasses import dataclass
from typing import Final

BUILT_IN: Final = {
    "id": "text",
    "email": "text",
    "phone": "text",
    "timezone": "text",
    "locale": "text",
    "stage": "text",
    "created_at": "date",
}
"""Built-in attributes of a contact and their kinds."""

ACCOUNT_BUILT_IN: Final = {"id": "text", "name": "text"}

_ACCOUNT: Final = "account."
_SCORE: Final = "score."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is found.

    ``fallback`` is the attribute that is read when the first one is missing.
    """

    key: str
    of_account: bool = False
    built_in: bool = False
    fallback: str | None = None


def locate(name: str) -> Place:
    """Tell where an attribute is found.

    ``score`` reads the attribute ``score``, else ``value``; ``score.fit`` reads ``fit``.
    """
    if name.startswith(_ACCOUNT):
        key = name.removeprefix(_ACCOUNT)
        return Place(key, of_account=True, built_in=key in ACCOUNT_BUILT_IN)
    if name.startswith(_SCORE):
        return Place(name.removeprefix(_SCORE))
    return Place(name, built_in=name in BUILT_IN, fallback="value" if name == "score" else None)
