"""Say why a contact went the way it went: the parts of a rule and what they saw, in words."""

import json

from designer.language import Language, mark
from engine.rules.describe import describe
from engine.rules.explain import Part, is_group
from engine.rules.model import All, Any_, Attr, EventCount, InStage, NoEvent

ALL = mark("all of this:")
ANY = mark("one of this:")
NOT = mark("not this:")
NOTHING = mark("no value")
SAW = mark("it was %(value)s")
LONGEST = 60


def part_words(part: Part, language: Language) -> str:
    """Say what a part of a rule asks; a group by what it asks of its parts."""
    if is_group(part.rule):
        words = ALL if isinstance(part.rule, All) else ANY if isinstance(part.rule, Any_) else NOT
        return language.say(words)
    return describe(part.rule, language.tag)


def seen_words(part: Part, language: Language) -> str:
    """Say what a part saw; nothing when that says no more than whether it held."""
    if isinstance(part.rule, EventCount | NoEvent):
        count = int(part.seen) if isinstance(part.seen, int) else 0
        return language.texts.ngettext("%(num)s time", "%(num)s times", count) % {"num": language.count(count)}
    if isinstance(part.rule, Attr | InStage):
        return language.say(SAW, value=_value(part.seen, language))
    return ""


def _value(seen: object, language: Language) -> str:
    if seen is None:
        return language.say(NOTHING)
    if isinstance(seen, int | float) and not isinstance(seen, bool):
        return language.count(seen)
    text = seen if isinstance(seen, str) else json.dumps(seen, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
