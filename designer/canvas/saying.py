"""What gestures are called, for undo, for the log, and for those who hear the canvas."""

from collections.abc import Mapping, Sequence
from typing import Final

from designer.language import Language, mark
from engine.api.drawing import Changed, Logged
from engine.graph.delta import ABSENT, Delta

GESTURES: Final[Mapping[str, str]] = {
    "add": mark("Add a node"),
    "insert": mark("Insert a node"),
    "delete": mark("Delete"),
    "move": mark("Move"),
    "configure": mark("Change settings"),
    "rename": mark("Rename"),
    "annotate": mark("Write a note"),
    "replace": mark("Change the type"),
    "tidy": mark("Tidy up"),
    "connect": mark("Connect"),
    "disconnect": mark("Disconnect"),
    "reconnect": mark("Reconnect"),
    "paste": mark("Paste"),
    "duplicate": mark("Duplicate"),
    "set": mark("Change the flow"),
    "import": mark("Import"),
    "undo": mark("Undo"),
    "redo": mark("Redo"),
}

DONE: Final[Mapping[str, str]] = {
    "add": mark("Added %(names)s."),
    "insert": mark("Inserted %(names)s."),
    "delete": mark("Deleted %(names)s."),
    "configure": mark("Changed the settings of %(names)s."),
    "rename": mark("Renamed %(names)s."),
    "replace": mark("Changed the type of %(names)s."),
    "connect": mark("Connected."),
    "disconnect": mark("Disconnected."),
    "reconnect": mark("Reconnected."),
    "paste": mark("Pasted %(names)s."),
    "duplicate": mark("Duplicated %(names)s."),
    "tidy": mark("Tidied up."),
    "import": mark("Imported."),
}

FOLLOWING: Final = ("configure", "replace")
"""Gestures on settings, which edges follow."""

SIDES: Final = ("was", "now")

MOST: Final = 3
"""So many nodes are named."""


def gesture_words(logged: Logged | None, language: Language) -> str:
    """Say what would be undone or redone."""
    return "" if logged is None else language.say(GESTURES.get(logged.kind, logged.kind))


def done_words(changed: Changed, titles: Mapping[str, str], kind: str, language: Language) -> str:
    """Say in one sentence what was done."""
    if kind in ("undo", "redo"):
        verb = mark("Undone: %(what)s.") if kind == "undo" else mark("Redone: %(what)s.")
        return language.say(verb, what=language.say(GESTURES.get(changed.kind, changed.kind)))
    if kind not in DONE:
        return ""
    touched = dict.fromkeys(entry.key[1] for entry in changed.done.change if entry.key[0] == "node")
    names = changed.done.new or [name for name in touched if name]
    said = _listed([titles.get(name, name) for name in names])
    facts = {"names": said} if "%(names)s" in DONE[kind] else {}
    words = language.say(DONE[kind], **facts)
    if changed.done.dropped:
        lost = language.say(mark("Left behind: %(what)s."), what=", ".join(changed.done.dropped))
        return f"{words} {lost}"
    return words


def gone_words(changed: Changed, titles: Mapping[str, str], kind: str, language: Language) -> str:
    """Say which edges went because settings did away with their port."""
    gone = _gone(changed.done.change) if kind in FOLLOWING else ()
    ends = _listed([titles.get(name, name) for name in gone])
    return language.say(mark("Removed with it: the edge to %(names)s."), names=ends) if gone else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST]) + ("…" if len(names) > MOST else "")


def _gone(change: Delta) -> tuple[str, ...]:
    """Name the nodes to which edges led that are gone, not those that only leave by another port now."""
    ends = {
        side: [each.key for each in change if each.key[0] == "edge" and getattr(each, side) is ABSENT] for side in SIDES
    }
    kept = {(key[1], key[3]) for key in ends["was"]}
    return tuple(dict.fromkeys(key[3] for key in ends["now"] if (key[1], key[3]) not in kept))


WORDS: Final[Mapping[str, str]] = {
    "add": mark("Which node?"),
    "add_after": mark("Which node comes next?"),
    "insert": mark("Which node comes in between?"),
    "which_port": mark("Which way out?"),
    "connect_to": mark("Where does it lead?"),
    "find": mark("Find a node"),
    "commands": mark("What do you want to do?"),
    "copied": mark("Copied."),
    "no_nodes": mark("There are no nodes in what was pasted."),
    "somebody": mark("Somebody"),
}
"""What scripts say."""

RUNS: Final[Mapping[str, str]] = {
    "publish": mark("Published. Contacts who enter from now on take this version."),
    "pause": mark("Paused. Nobody moves or comes in, and nothing is sent."),
    "resume": mark("The flow goes on."),
    "ask": mark("Asked. Approvers see it in the list of flows."),
    "approve": mark("Approved and published. Contacts who enter from now on take this version."),
    "send_back": mark("Sent back."),
    "withdraw": mark("Taken back."),
}
"""What is said when a flow was published, paused or resumed."""
