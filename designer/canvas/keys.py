"""The keys of the canvas: one list for the page, the cheat sheet and the command palette."""

from dataclasses import dataclass
from typing import Final

from designer.language import Language, mark


@dataclass(frozen=True)
class Shortcut:
    """A command: its name in ``static/canvas/commands.js``, its keys as the browser codes them, and what it does.

    Shape: ``keys`` are written like ``Ctrl+Shift+KeyZ``; several ways are parted by a space.
    """

    command: str
    keys: str
    words: str

    @property
    def shown(self) -> tuple[str, ...]:
        """The keys as people read them."""
        return tuple(_shown(keys) for keys in self.keys.split())


_KEYS: Final = (
    ("keys", "Shift+Slash", mark("List of keys")),
    ("commands", "Ctrl+KeyK", mark("Command palette")),
    ("undo", "Ctrl+KeyZ", mark("Undo")),
    ("redo", "Ctrl+Shift+KeyZ Ctrl+KeyY", mark("Redo")),
    ("copy", "Ctrl+KeyC", mark("Copy")),
    ("cut", "Ctrl+KeyX", mark("Cut")),
    ("paste", "Ctrl+KeyV", mark("Paste")),
    ("duplicate", "Ctrl+KeyD", mark("Duplicate")),
    ("all", "Ctrl+KeyA", mark("Select all")),
    ("cancel", "Escape", mark("Select nothing, close, cancel")),
    ("delete", "Delete Backspace", mark("Delete, and join the neighbours")),
    ("delete-gap", "Shift+Delete", mark("Delete, and leave a gap")),
    ("add", "KeyA", mark("Add a node")),
    ("find-type", "Slash", mark("Search the palette")),
    ("add-email", "KeyE", mark("Add an email")),
    ("add-sms", "KeyS", mark("Add an SMS")),
    ("add-wait", "KeyW", mark("Add a wait")),
    ("add-branch", "KeyB", mark("Add a branch")),
    ("open", "Enter", mark("Open the settings")),
    ("rename", "F2", mark("Rename")),
    ("down", "ArrowDown", mark("Next node")),
    ("up", "ArrowUp", mark("Previous node")),
    ("left", "ArrowLeft", mark("Way to the left")),
    ("right", "ArrowRight", mark("Way to the right")),
    ("move-down", "Shift+ArrowDown Ctrl+Shift+ArrowDown", mark("Move down")),
    ("move-up", "Shift+ArrowUp Ctrl+Shift+ArrowUp", mark("Move up")),
    ("move-left", "Shift+ArrowLeft Ctrl+Shift+ArrowLeft", mark("Move left")),
    ("move-right", "Shift+ArrowRight Ctrl+Shift+ArrowRight", mark("Move right")),
    ("connect", "KeyC", mark("Connect to another node")),
    ("downstream", "Shift+KeyD", mark("Select what follows")),
    ("upstream", "Shift+KeyU", mark("Select what leads here")),
    ("tidy", "KeyL", mark("Tidy the selection")),
    ("tidy-all", "Shift+KeyL", mark("Tidy everything")),
    ("select-tool", "KeyV", mark("Select by dragging")),
    ("hand-tool", "KeyH", mark("Pan by dragging")),
    ("zoom-100", "Digit0", mark("Zoom to 100 %")),
    ("fit", "Digit1", mark("Fit everything")),
    ("fit-selection", "Digit2", mark("Fit the selection")),
    ("zoom-in", "Equal Shift+Equal", mark("Zoom in")),
    ("zoom-out", "Minus", mark("Zoom out")),
    ("overlay", "KeyD", mark("Live numbers")),
    ("people", "KeyP", mark("Contacts here")),
    ("inspector", "KeyI", mark("Inspector")),
    ("outline", "KeyO", mark("Outline")),
    ("next-problem", "F8", mark("Next problem")),
    ("previous-problem", "Shift+F8", mark("Previous problem")),
    ("publish", "Ctrl+Shift+Enter", mark("Review and publish")),
    ("simulate", "KeyT", mark("Simulate")),
    ("find", "Ctrl+KeyF", mark("Find a node")),
)

_NAMES: Final = {
    "Slash": "/",
    "Equal": "+",
    "Minus": "-",
    "ArrowDown": "↓",
    "ArrowUp": "↑",
    "ArrowLeft": "←",
    "ArrowRight": "→",
    "Escape": "Esc",
}


def shortcuts(language: Language) -> list[Shortcut]:
    """List the keys with their words."""
    return [Shortcut(command, keys, language.say(words)) for command, keys, words in _KEYS]


def _shown(keys: str) -> str:
    if keys == "Shift+Slash":
        return "?"
    parts = [_NAMES.get(part, part.removeprefix("Key").removeprefix("Digit")) for part in keys.split("+")]
    return "+".join(parts)
