"""What is wrong with a raw rule, where, and what was probably meant."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

LONGEST_NAME: Final = 200
_FORBIDDEN_IN_KEYS: Final = frozenset('"\\')


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a raw rule.

    Shape: ``path`` is written like ``all[1].where.plan.op``; ``suggestion`` is the nearest known word, if one is near.
    """

    path: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion else ""
        return f"{self.path or 'rule'}: {self.message}{hint}"


def nearest(word: object, known: Iterable[str]) -> str | None:
    """Find the known word that was probably meant; none for what is no word."""
    if not isinstance(word, str):
        return None
    found = get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def below(path: str, key: object) -> str:
    """Write the path of a member of an object."""
    return f"{path}.{key}" if path else str(key)


@dataclass
class Report:
    """Collects all faults on the way through a document."""

    faults: list[Fault] = field(default_factory=list)

    def add(self, path: str, message: str, suggestion: str | None = None) -> None:
        """Note a fault."""
        self.faults.append(Fault(path, message, None if suggestion is None else str(suggestion)))

    def unknown_keys(self, raw: dict[str, object], path: str, allowed: Iterable[str]) -> None:
        """Note every key that does not belong to an object, with the nearest one that does."""
        known = list(allowed)
        for key in raw:
            if key not in known:
                rest = [word for word in known if word not in raw]
                what = f"unknown key; {', '.join(known)} may stand here"
                self.add(below(path, key), what, nearest(key, rest) or nearest(key, known))

    def name(self, raw: object, path: str, what: str) -> str | None:
        """Read a name: a text that is not empty and that every database can hold."""
        if not isinstance(raw, str):
            self.add(path, f"{what} is a text")
        elif not raw.strip():
            self.add(path, f"{what} is empty")
        elif len(raw) > LONGEST_NAME:
            self.add(path, f"{what} is longer than {LONGEST_NAME} characters")
        elif self.storable(raw, path):
            return raw
        return None

    def key(self, raw: object, path: str, what: str) -> str | None:
        """Read the name of an attribute or a property, which must be safe as a key of JSON in every database."""
        name = self.name(raw, path, what)
        if name is not None and (_FORBIDDEN_IN_KEYS & set(name) or min(name) < " "):
            self.add(path, f"{what} may not hold quotes, backslashes or control characters")
            return None
        return name

    def storable(self, text: str, path: str) -> bool:
        """Note a text that no database takes: with a NUL or half a surrogate pair."""
        if "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text):
            return True
        self.add(path, "the text holds characters that cannot be stored")
        return False
