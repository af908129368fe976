"""What a simulation assumes that people do: sliders, and where each begins."""

from dataclasses import dataclass
from typing import Final

from designer.language import Language, mark
from engine.api.manners import Manner, Rate

SOURCES: Final = {
    "flow": mark("As in this flow in the last 90 days: %(seen)s messages"),
    "workspace": mark("As in all flows in the last 90 days: %(seen)s messages"),
    "days": mark("As in the last 90 days: %(seen)s days of contacts"),
    "template": mark("As the template says"),
    "default": mark("A guess: too little has happened yet"),
    "usual": mark("100 is as often as in the last 90 days, where that is known"),
}


@dataclass(frozen=True)
class Slider:
    """One assumption in percent: where it begins, how far it goes, and why it begins there."""

    name: str
    words: str
    value: float
    most: float
    step: float
    source: str


def sliders_of(manner: Manner, language: Language) -> list[Slider]:
    """List the assumptions of a flow."""
    found = [
        _slider("open", language.say(mark("Open a message")), manner.open, 100, language),
        _slider("click", language.say(mark("Click in it")), manner.click, 50, language),
        _slider("unsubscribe", language.say(mark("Unsubscribe, of those who open")), manner.unsubscribe, 5, language),
    ]
    usual = SOURCES["usual" if manner.usual else "template" if manner.behaviour.events is not None else "default"]
    found.append(Slider("activity", language.say(mark("How busy they are")), 100, 300, 5, language.say(usual)))
    if manner.purchase is not None:
        words = language.say(mark("Reach the goal, a day"))
        found.append(_slider("purchase", words, manner.purchase, 10, language, of="days"))
    return found


def _slider(name: str, words: str, rate: Rate, most: float, language: Language, of: str = "workspace") -> Slider:
    value = round(100 * rate.share, 2 if most < 50 else 1)
    source = SOURCES[of if rate.source == "workspace" else rate.source]
    # A rate beyond the scale must not be cut off: the scale grows.
    return Slider(
        name,
        words,
        value,
        max(most, min(100.0, 2 * value)),
        0.01 if most < 50 else 0.1,
        language.say(source, seen=language.count(rate.seen)),
    )
