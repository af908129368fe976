"""What a hand says, read from the form it posts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.api.drawing import Hand
from engine.errors import FlowError

ARGUMENTS: Final = ("id", "field", "name", "language", "type")


@dataclass(frozen=True)
class Said:
    """A gesture as it was posted.

    Shape: ``base`` is the revision that the page shows; ``open`` the node in the inspector; ``load`` names the page: a
    tab that was loaded anew, or copied, is another one.
    """

    kind: str
    args: Mapping[str, Any]
    hand: Hand
    base: int | None
    open: str
    load: str = ""


def read_gesture(form: Mapping[str, Any], actor: str) -> Said:
    """Read a gesture: its arguments as JSON in ``args``, or each as a field of its own with ``value`` as JSON.

    Errors: ``FlowError``.
    """
    kind = str(form.get("kind", ""))
    tab = str(form.get("hand", ""))[:64]
    args = _json(form["args"]) if form.get("args") else {name: str(form[name]) for name in ARGUMENTS if name in form}
    if not isinstance(args, dict):
        raise FlowError("the arguments of a gesture are an object")
    if "args" not in form and kind in ("configure", "set"):
        args["value"] = _json(form["value"]) if form.get("value") else None
    base = str(form.get("base", ""))
    burst = str(form.get("burst", ""))[:64] or None
    hand = Hand(actor or tab, tab, burst)
    load = str(form.get("load", ""))[:64]
    return Said(kind, args, hand, int(base) if base.isdecimal() else None, str(form.get("open", "")), load)


def _json(text: Any) -> Any:
    try:
        return json.loads(str(text))
    except ValueError as fault:
        raise FlowError(f"this is no JSON: {fault}") from None
