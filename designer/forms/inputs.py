"""What a browser posted: inputs by name, and the button that was pressed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from engine.terms import Json

ROOT: Final = "v"
"""The name of the outermost input; those within are called ``v.cases.0.port``."""


class Absent:
    """Stand for a value that is not there, which is something else than null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()

Maybe: TypeAlias = "Json | Absent"
"""A raw value, or none."""


@dataclass(frozen=True)
class Press:
    """A button that changes the structure: ``verb`` says how, ``name`` which control, ``more`` what exactly."""

    verb: str = ""
    name: str = ""
    more: str = ""


@dataclass(frozen=True)
class Inputs:
    """The inputs of one form."""

    values: Mapping[str, tuple[str, ...]]
    press: Press = Press()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, object]]) -> "Inputs":
        """Take them as a form gives them; what is no text (an uploaded file) is passed over."""
        values: dict[str, tuple[str, ...]] = {}
        for name, value in pairs:
            if isinstance(value, str):
                values[name] = (*values.get(name, ()), value.replace("\r\n", "\n"))
        pressed = values.get("press", ("",))[-1].split(" ", 2)
        return cls(values, Press(*pressed))

    def typed(self, name: str) -> str:
        """Give the last input of a name; nothing when there is none."""
        return self.values.get(name, ("",))[-1]

    def has(self, name: str) -> bool:
        """Tell whether there is an input of that name."""
        return name in self.values

    def count(self, name: str) -> int:
        """Tell how many members a list has that was shown."""
        said = self.typed(f"{name}.n")
        return min(int(said), MOST_MEMBERS) if said.isascii() and said.isdigit() else 0

    def pressed(self, name: str, *verbs: str) -> bool:
        """Tell whether a button of that control was pressed."""
        return self.press.name == name and self.press.verb in verbs


MOST_MEMBERS: Final = 10_000


def rearranged(places: list[int], inputs: Inputs, name: str) -> list[int]:
    """Do what a button below a list asks for: drop a member, or move it up or down.

    Shape: the places of the members as they were shown, in their new order.
    """
    found = list(places)
    for place in places:
        at = found.index(place)
        member = f"{name}.{place}"
        if inputs.pressed(member, "drop"):
            del found[at]
            break
        step = -1 if inputs.pressed(member, "up") else 1 if inputs.pressed(member, "down") else 0
        if step and 0 <= at + step < len(found):
            found[at], found[at + step] = found[at + step], found[at]
            break
    return found
