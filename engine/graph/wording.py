"""Templates in a document: their faults, and variables that no contact has."""

from collections.abc import Iterator, Sequence
from typing import Final

from engine.contract.findings import Finding
from engine.graph.meaning import lets_in_by_event, written
from engine.graph.model import Document
from engine.graph.places import Place, parts, rules
from engine.graph.surroundings import Surroundings, TemplateCheck
from engine.graph.text import error, join, warning
from engine.rules.attributes import ACCOUNT_BUILT_IN, BUILT_IN
from engine.rules.faults import nearest
from engine.rules.model import Attr

GIVEN: Final = frozenset({"flow", "unsubscribe_url", "preferences_url"})
"""Variables that every template may read beside ``contact``, ``account`` and ``event``."""

USUAL: Final = frozenset(
    (
        *("address", "age", "avatar", "birthday", "city", "company", "country", "department", "description", "gender"),
        *("firstName", "first_name", "lastName", "last_name", "name", "username", "title", "jobTitle", "job_title"),
        *("industry", "language", "region", "website", "wecom_id", "score", "value", "createdAt"),
    )
)
"""Attributes that trackers send by custom; without a catalogue nothing is said about them."""


def check_wording(document: Document, found: Sequence[Place], surroundings: Surroundings) -> Iterator[Finding]:
    """Find templates that cannot be rendered, and variables that will be missing."""
    language = surroundings.texts
    known = _Known(document, found, surroundings)
    for place in found:
        if place.hint in ("template", "html") and language is not None:
            for path, source in _sources(place):
                yield from _source(language, place, path, source, known)
        elif place.hint == "template_key" and surroundings.templates is not None:
            template = surroundings.templates.get(str(place.value))
            if template is not None:
                yield from _missing(template.variables, known, place, place.path)


def _sources(place: Place) -> Iterator[tuple[str, str]]:
    if isinstance(place.value, dict):
        for tag, source in place.value.items():
            yield join(place.path, tag), source
    else:
        yield place.path, str(place.value)


def _source(language: TemplateCheck, place: Place, path: str, source: str, known: "_Known") -> Iterator[Finding]:
    node = None if place.node is None else place.node.id
    faults = language.check(source, html=place.hint == "html")
    for fault in faults:
        words = f"line {fault.line}: {fault.message}" if "\n" in source.strip() else fault.message
        yield error("template.fault", path, words, "", node)
    if not faults:
        yield from _missing(language.variables(source), known, place, path)


class _Known:
    """Which variables have a value for some contact."""

    def __init__(self, document: Document, found: Sequence[Place], surroundings: Surroundings) -> None:
        mentioned = {part.rule.name for rule in rules(found) for part in parts(rule) if isinstance(part.rule, Attr)}
        mentioned |= {str(place.value) for place in found if place.hint == "attribute"}
        own = written(document)
        if surroundings.attributes is None:
            self.names = USUAL | mentioned | own
            self.certain = False
        else:
            self.names = surroundings.attributes | own
            self.certain = True
        self.by_event = lets_in_by_event(document)

    def lacks(self, variable: str) -> tuple[str, str] | None:
        """Say what is wrong with a variable and what to do, if something is."""
        root, _, rest = variable.partition(".")
        name = rest.split(".")[0]
        if root == "contact":
            return self._attribute(name, name in BUILT_IN or not name, variable)
        if root == "account":
            return self._attribute(f"account.{name}", name in ACCOUNT_BUILT_IN or not name, variable)
        if root == "event":
            return None if self.by_event else ("no event lets contacts in, so there is none to read", "use contact.…")
        if root in GIVEN:
            return None
        near = nearest(root, {"contact", "account", "event", *GIVEN})
        return f"{variable!r} is no variable", f"did you mean {near}?" if near else f"did you mean contact.{variable}?"

    def _attribute(self, name: str, built_in: bool, variable: str) -> tuple[str, str] | None:
        usual = not self.certain and name.removeprefix("account.") in USUAL
        if built_in or usual or name in self.names:
            return None
        near = nearest(name, {*self.names, *BUILT_IN})
        default = f"give a default, as in {{{{ {variable} | default('…') }}}}"
        mend = f"did you mean {near}? or {default}" if near else default
        return f"no contact has {name!r}" if self.certain else f"no contact may have {name!r}", mend


def _missing(variables: frozenset[str], known: _Known, place: Place, path: str) -> Iterator[Finding]:
    node = None if place.node is None else place.node.id
    for variable in sorted(variables):
        lack = known.lacks(variable)
        if lack is not None:
            words, mend = lack
            yield warning("template.variable", path, f"{{{{ {variable} }}}}: {words}", mend, node, variable=variable)
