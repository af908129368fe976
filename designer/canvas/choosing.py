"""What is shown where a step back or forth meets what others did since: each way out, with what it would change."""

from typing import Any

from designer.canvas.reviewing import told
from designer.canvas.saying import GESTURES
from designer.language import Language
from engine.api.drawing import Choice, Sheet
from engine.contract.registry import Registry
from engine.graph.diff import differences
from engine.terms import from_micros


def choice_facts(
    found: tuple[Choice, str | None] | None, step: str, sheet: Sheet, registry: Registry, language: Language
) -> dict[str, Any]:
    """Give what the dialog shows.

    Shape: ``ways`` has for ``mine`` and ``rest`` what would change, in words; one that changes nothing is not there,
    one that only moves nodes has no words.
    """
    if found is None:
        return {"choice": None, "step": step, "ways": {}, "what": "", "who": None, "when": None}
    choice, who = found
    made = {"mine": choice.mine} | ({} if choice.rest == choice.mine else {"rest": choice.rest})
    changes = {name: differences(choice.now, document) for name, document in made.items()}
    ways = {name: told(each, sheet, {}, registry, language) for name, each in changes.items() if each}
    what = language.say(GESTURES.get(choice.kind, choice.kind))
    when = None if choice.at is None else from_micros(choice.at)
    return {"choice": choice, "step": step, "ways": ways, "what": what, "who": who, "when": when}
