"""What the checker says, in the reader's language: messages are recognised by their pattern and said anew."""

import re
from functools import cache
from typing import Final

from designer.language import Language, mark

PATTERNS: Final = (
    mark("cannot be reached from any trigger"),
    mark("its port %(port)s leads nowhere"),
    mark("leads to %(name)s, and a trigger has no way in"),
    mark("goes round in a circle: %(ring)s"),
    mark("is the same as %(name)s"),
    mark("there is no node %(name)s"),
    mark("%(node)s has no port %(port)s"),
    mark("%(kind)s is no node type"),
    mark("%(name)s is the id of %(other)s too"),
    mark("%(one)s and %(other)s do the same"),
    mark("is over before anyone can come here, so everybody goes on at once"),
    mark("is never taken: whoever matches %(name)s has gone by an earlier case"),
    mark("%(flow)s cannot be entered from another flow"),
    mark("no contact has %(name)s"),
    mark("there is no template %(name)s"),
    mark("there is no segment %(name)s"),
    mark("there is no topic %(name)s"),
    mark("there is no flow %(name)s"),
    mark("nothing has emitted %(name)s so far"),
    mark("from %(first)s to %(last)s more than %(most)s messages can reach a contact within 7 days"),
    mark("%(value)s is no address"),
    mark("%(value)s is over, so nobody will enter"),
    mark("%(value)s is not a duration; %(how)s"),
    mark("%(value)s is no web address; it begins with https:// or http://"),
    mark("%(variable)s: no contact has %(name)s"),
    mark("%(variable)s: no contact may have %(name)s"),
    mark("%(variable)s: no event lets contacts in, so there is none to read"),
    mark("%(node)s does not come before this node"),
    mark("%(node)s sends nothing"),
    mark("%(op)s is no operator here; use one of %(names)s"),
    mark("%(op)s needs a value"),
    mark("%(op)s compares with a text"),
    mark("%(op)s compares with a number or a text"),
    mark("%(op)s compares with a list"),
    mark("%(op)s compares with a text, a number, true or false"),
    mark("%(what)s is empty"),
    mark("must be at least %(limit)s"),
    mark("must be at most %(limit)s"),
    mark("must be more than %(limit)s"),
    mark("must be less than %(limit)s"),
    mark("draw it between nodes that are there"),
    mark("did you mean %(what)s?"),
    mark("its ports are %(ports)s"),
    mark("known here: %(names)s"),
    mark("add it: %(what)s"),
    mark("install the node type, or use another"),
    mark("give one of %(names)s"),
    mark("Somebody else changed this draft meanwhile; load it again and repeat the change."),
    mark("Somebody has changed the same thing meanwhile; look at it again before you change it."),
    mark("this would go round in a circle; contacts only ever move on"),
    mark("a trigger has no way in; contacts enter there"),
    mark("this edge is there already"),
    mark("this edge is not there any more"),
    mark("there is no node %(name)s any more"),
    mark("there is nothing to paste; copy nodes of a flow first"),
    mark("flow %(name)s cannot be published: %(count)s errors"),
    mark("flow %(name)s cannot be published: %(count)s error"),
)
"""Messages with facts in them, and refusals of gestures; those without are in the catalogue as they stand."""

_FACT: Final = re.compile(r"%\((\w+)\)s")


def say_finding(text: str, language: Language) -> str:
    """Say a message or a mend of a finding; what is not known is said as it is."""
    for pattern, words in _compiled():
        found = pattern.fullmatch(text)
        if found is not None:
            return language.say(words, **found.groupdict())
    return language.say(text)


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Make an expression of each pattern; those without facts come first."""
    plain_first = sorted(PATTERNS, key=lambda words: (len(_FACT.findall(words)), -len(words)))
    return tuple((re.compile(_expression(words), re.DOTALL), words) for words in plain_first)


def _expression(words: str) -> str:
    parts = _FACT.split(words)
    return "".join(f"(?P<{part}>.+)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
