"""One word per thing: names of ours use none of the words that were turned down."""

import ast
from collections.abc import Iterator
from itertools import pairwise

import pytest

from engine.store.tables import metadata
from tests.law.sources import PRODUCT, Source, files, python, source, words_of

# the word that was turned down → the one to use
NOWHERE = {
    "audience": "segment",
    "campaign": "flow",
    "dnd": "quiet hours",
    "entrance": "trigger",
    "eta": "due",
    "journey": "flow",
    "lead": "contact",
    "optin": "consent",
    "org": "workspace",
    "organisation": "account, or workspace",
    "organization": "account, or workspace",
    "profile": "contact",
    "subscriber": "contact",
    "tenant": "workspace",
    "throttle": "rate limit",
    "trait": "attribute",
    "workflow": "flow",
}
# These are also everyday words of programs: free for a variable, turned down where a room shows itself.
NOT_SHOWN = {
    "activity": "event",
    "arm": "variant",
    "block": "node",
    "filter": "rule",
    "history": "journal",
    "hit": "event",
    "query": "rule",
    "sleep": "park",
    "wire": "edge",
}
PAIRS = {
    ("batch", "job"): "wave",
    ("custom", "field"): "attribute",
    ("dry", "run"): "simulation",
    ("job", "run"): "wave",
    ("opt", "in"): "consent",
    ("step", "type"): "node type",
    ("winner", "job"): "promotion",
}
# name as it stands → why it may
EXEMPT = {
    "filters": "designer/rendering: what Jinja calls a function behind a bar",
}


def test_names_use_the_agreed_words() -> None:
    names = {name for each in python(*PRODUCT) for name in _names(each)} | _names_of_files() | _names_in_the_store()
    wrong = {name: _wrong(name, shown) for name, shown in names if _wrong(name, shown) and name not in EXEMPT}
    assert wrong == {}


def test_every_exemption_is_needed() -> None:
    names = {name for each in python(*PRODUCT) for name, _ in _names(each)} | {name for name, _ in _names_of_files()}
    assert set(EXEMPT) - names == set()
    assert len(EXEMPT) == 1


@pytest.mark.parametrize(
    "text",
    [
        "class CampaignRow: ...",
        "def import_leads(): ...",
        "def f(subscriber): ...",
        "def f(*, traits): ...",
        "journey_id = 1",
        "for org in (): ...",
        "self.audience = 1",
        "def opt_in(): ...",
        "class DryRun: ...",
        "class EventFilter: ...",
        "def query_contacts(): ...",
        "import x as workflow",
        "x: int = 1\nprofile: str = ''",
        "with a as tenants: ...",
        "[lead for lead in x]",
        "if (lead := 1): ...",
    ],
)
def test_a_word_that_was_turned_down_is_seen(text: str) -> None:
    assert [name for name, shown in _names(source(text)) if _wrong(name, shown)] != []


@pytest.mark.parametrize(
    "text",
    [
        "leader = 1",
        "def f(query): ...",
        "traits_of.x",
        "call(profile=1)",
        "def _filter(): ...",
        "'campaign'",
        "organ = 1",
    ],
)
def test_other_names_are_free(text: str) -> None:
    assert [name for name, shown in _names(source(text)) if _wrong(name, shown)] == []


def _wrong(name: str, shown: bool) -> str:
    words = words_of(name)
    single = {word.removesuffix("s") if word.removesuffix("s") in NOWHERE | NOT_SHOWN else word for word in words}
    for word in single:
        if word in NOWHERE or (shown and word in NOT_SHOWN):
            return (NOWHERE | NOT_SHOWN)[word]
    return next((PAIRS[pair] for pair in pairwise(words) if pair in PAIRS), "")


def _names(each: Source) -> Iterator[tuple[str, bool]]:
    """Give every name that a file defines, and whether it is shown: a class or a public function."""
    for node in ast.walk(each.tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, not node.name.startswith("_")
        elif isinstance(node, ast.arg):
            yield node.arg, False
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield (node.id if isinstance(node, ast.Name) else node.attr), False
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, False


def _names_of_files() -> set[tuple[str, bool]]:
    # Not those of flows/: a flow's name is in the words of those who draw it.
    return {(part, True) for path in files(*PRODUCT, "static") for part in (path.parent.name, path.stem)}


def _names_in_the_store() -> set[tuple[str, bool]]:
    columns = {(column.name, False) for table in metadata.sorted_tables for column in table.columns}
    return columns | {(table.name, True) for table in metadata.sorted_tables}
