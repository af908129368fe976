"""The move of contacts to a new version as the review shows it: where each group lands, and what may be chosen."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from designer.language import Language, mark
from engine.api import changeover
from engine.api.changeover import AGAIN, ELSEWHERE, FAILED, GONE, LEAVE, LEAVES, SEVERAL, STAY, Group, Preview, Sample
from engine.terms import Text
from engine.wiring import Wiring

FATES: Final[Mapping[str, str]] = {
    LEAVES: mark("leave the flow"),
    GONE: mark("stay on their version"),
    SEVERAL: mark("stay: they are on several paths at once, and the drawing differs"),
    FAILED: mark("stay: they failed here; let them try again first"),
    ELSEWHERE: mark("stay: they are in the flow more than once"),
    AGAIN: mark("stay: something would be sent to them a second time"),
}
"""What becomes of those who do not move."""


@dataclass(frozen=True)
class Row:
    """The contacts at one node: how many, what becomes of them, and what was chosen for the node."""

    node: str
    name: Text
    contacts: int
    fates: tuple[tuple[str, int], ...]
    chosen: str
    is_gone: bool


@dataclass(frozen=True)
class Move:
    """A move to look at before it is done.

    Shape: ``places`` are the nodes where somebody can be put; ``samples`` are the first contacts who would move.
    """

    preview: Preview
    rows: tuple[Row, ...]
    places: tuple[tuple[str, str], ...]
    samples: Sequence[Sample]


def read_chosen(text: str) -> dict[str, str]:
    """Read what was chosen for nodes; what cannot be read counts as nothing."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def look(
    wiring: Wiring, key: str, chosen: Mapping[str, str], language: Language, *, draft: bool, samples: bool
) -> Move | None:
    """Look at a move; None when nobody is on an older version. Of very many contacts a sample is looked at.

    Errors: ``FlowError`` as ``engine.api.changeover.preview``.
    """
    preview = changeover.preview(wiring, key, chosen, draft=draft, exact=False)
    if not preview.groups:
        return None
    names = {node: language.text(name) for node, name in preview.places}
    rows = tuple(_row(node, preview, names, chosen, language) for node in dict.fromkeys(g.node for g in preview.groups))
    tried = changeover.rehearse(wiring, key, chosen, draft=draft) if samples else []
    return Move(preview, rows, tuple(names.items()), tried)


def moved_words(moved: changeover.Moved, language: Language) -> str:
    """Say how many contacts moved and left."""
    said = language.texts.ngettext("%(num)s contact moved.", "%(num)s contacts moved.", moved.moved)
    words = [said % {"num": language.count(moved.moved)}]
    if moved.left:
        said = language.texts.ngettext("%(num)s contact left the flow.", "%(num)s contacts left the flow.", moved.left)
        words.append(said % {"num": language.count(moved.left)})
    return " ".join(words)


def back_words(taken: changeover.TakenBack, language: Language) -> str:
    """Say how many contacts went back, and how many had gone on."""
    said = language.texts.ngettext("%(num)s contact went back.", "%(num)s contacts went back.", taken.back)
    words = [said % {"num": language.count(taken.back)}]
    if taken.stay:
        said = language.texts.ngettext(
            "%(num)s contact has gone on since and stays.", "%(num)s contacts have gone on since and stay.", taken.stay
        )
        words.append(said % {"num": language.count(taken.stay)})
    return " ".join(words)


def _row(node: str, preview: Preview, names: Mapping[str, str], chosen: Mapping[str, str], language: Language) -> Row:
    groups = [group for group in preview.groups if group.node == node]
    told: dict[str, int] = {}
    for group in groups:
        words = _fate(group, names, language)
        told[words] = told.get(words, 0) + group.contacts
    standard = STAY if node not in names else node
    kept = any(group.target == node for group in groups)
    return Row(
        node,
        groups[0].name,
        sum(group.contacts for group in groups),
        tuple(told.items()),
        chosen.get(node, standard),
        is_gone=node not in names and not kept,
    )


def _fate(group: Group, names: Mapping[str, str], language: Language) -> str:
    if group.target is None:
        return language.say(FATES[group.fate])
    return f"→ {names.get(group.target, group.target)}"


__all__ = ["LEAVE", "STAY", "Move", "Row", "back_words", "look", "moved_words", "read_chosen"]
