import json
from typing import Any

import pytest
from hypothesis import example, given

from designer.forms.inputs import Inputs
from designer.forms.render import facts
from designer.forms.rule_drawing import Drawing
from designer.forms.rule_reading import read
from designer.language import speak
from engine.rules.model import Rule
from engine.rules.parse import parse_rule, read_rule, to_json
from tests.designer.forms.browser import PageForm, forms_of
from tests.designer.forms.drawn import VOCABULARY, templates
from tests.rules.worlds import rules

PAGE = '{% import "forms/rule.html" as r with context %}<form id="f">{{ r.builder(row, "x-", v, True) }}</form>'
NESTED = {
    "all": [
        {"attr": "plan", "op": "in", "value": ["free", "pro"]},
        {"any": [{"event": "demo_booked", "within": "14d"}, {"not": {"tag": "customer"}}]},
        {"not": {"all": [{"attr": "account.size", "op": "between", "value": [10, 200]}, {"stage": "mql"}]}},
        {
            "event": "signed_up",
            "where": {"path": {"op": "starts_with", "value": "/pricing"}},
            "count": {"op": "gte", "value": 2},
        },
        {
            "event": "invited",
            "followed_by": {"event": "activated", "where": {"n": {"op": "gt", "value": 3}}},
            "within": "7d",
        },
        {"no_event": "login", "within": "30d"},
        {"message": "day1", "did": "clicked"},
        {"consent": "news"},
        {"segment": "trial-users"},
    ]
}


def drawn(raw: Any) -> PageForm:
    row = Drawing(VOCABULARY.attributes).rule(raw, "v")
    page = templates("en").from_string(PAGE).render(row=row, **facts(VOCABULARY, speak("en")))
    return forms_of(page)["f"]


def posted(form: PageForm, *press: str) -> Any:
    pairs = form.press(press[0]) if press else form.inputs
    return read(Inputs.of(pairs), "v", VOCABULARY.attributes)


def plain(raw: Any) -> Any:
    """Take away what is turned round twice."""
    if (
        isinstance(raw, dict)
        and raw.keys() == {"not"}
        and isinstance(raw["not"], dict)
        and raw["not"].keys() == {"not"}
    ):
        return plain(raw["not"]["not"])
    if isinstance(raw, dict):
        return {key: plain(value) for key, value in raw.items()}
    return [plain(value) for value in raw] if isinstance(raw, list) else raw


@given(rules)
@example(parse_rule(NESTED))
@example(parse_rule({"not": {"not": {"tag": "x"}}}))
@example(parse_rule({"attr": "plan", "op": "is", "value": ""}))
@example(parse_rule({"attr": "plan", "op": "in", "value": ["", " a", "b, c", 5, True]}))
@example(parse_rule({"any": []}))
def test_every_rule_is_given_back_as_it_is_shown(rule: Rule) -> None:
    raw = to_json(rule)
    again = posted(drawn(raw))
    assert json.dumps(to_json(parse_rule(again))) == json.dumps(plain(raw))


def test_the_nested_rule_of_the_format_is_built_from_nothing() -> None:
    """Build it as a hand does: one row, one choice at a time."""
    form = drawn({"all": [{"attr": "", "op": "is"}]})
    form = drawn(posted(form.put(v__0__attr="plan")))
    form = drawn(posted(form.put(v__0__op="in")))
    form = drawn(posted(form.put(v__0__value__list="free, pro"), "add_group v"))
    form = drawn(posted(form.put(v__1__0__form="event")))
    form.put(v__1__0__event="demo_booked", v__1__0__within__n="14")
    form = drawn(posted(form, "add v.1"))
    form = drawn(posted(form.put(v__1__1__form="tag")))
    form.put(v__1__1__value="customer")
    form.type_in("v.1.1.not", "on")
    assert posted(form) == {"all": NESTED["all"][:2]}


def test_operators_follow_the_type_of_the_attribute() -> None:
    form = drawn({"all": [{"attr": "plan", "op": "contains", "value": "x"}]})
    form.put(v__0__attr="size")
    number = posted(form)
    assert number == {"all": [{"attr": "size", "op": "is", "value": "x"}]}
    form = drawn({"all": [{"attr": "size", "op": "is", "value": 5}]})
    assert posted(form.put(v__0__op="in")) == {"all": [{"attr": "size", "op": "in", "value": [5]}]}
    form = drawn({"all": [{"attr": "size", "op": "in", "value": [5, 6]}]})
    assert posted(form.put(v__0__op="is")) == {"all": [{"attr": "size", "op": "is", "value": 5}]}
    form = drawn({"all": [{"attr": "birthday", "op": "within_last", "value": "30d"}]})
    assert form.get("v.0.value.n") == "30"
    assert posted(form.put(v__0__value__n="2026-01-01", v__0__value__u="at"))["all"][0]["value"] == "2026-01-01"


@pytest.mark.parametrize(
    ("press", "expected"),
    [
        ("add v", [{"tag": "a"}, {"tag": "b"}, {"any": [{"tag": "c"}, {"tag": "d"}]}, {"attr": "", "op": "is"}]),
        ("drop v.1", [{"tag": "a"}, {"any": [{"tag": "c"}, {"tag": "d"}]}]),
        ("down v.0", [{"tag": "b"}, {"tag": "a"}, {"any": [{"tag": "c"}, {"tag": "d"}]}]),
        ("up v.2.1", [{"tag": "a"}, {"tag": "b"}, {"any": [{"tag": "d"}, {"tag": "c"}]}]),
        ("ungroup v.2", [{"tag": "a"}, {"tag": "b"}, {"tag": "c"}, {"tag": "d"}]),
        (
            "group v.0",
            [
                {"all": [{"tag": "a"}, {"attr": "", "op": "is"}]},
                {"tag": "b"},
                {"any": [{"tag": "c"}, {"tag": "d"}]},
            ],
        ),
    ],
)
def test_buttons_change_the_structure(press: str, expected: list[Any]) -> None:
    raw = {"all": [{"tag": "a"}, {"tag": "b"}, {"any": [{"tag": "c"}, {"tag": "d"}]}]}
    assert posted(drawn(raw), press) == {"all": expected}


def test_a_rule_is_taken_away_and_begun() -> None:
    assert repr(posted(drawn({"tag": "x"}), "clear v")) == "ABSENT"
    assert read(Inputs.of([("press", "begin v")]), "v", {}) == {"all": [{"attr": "", "op": "is"}]}


def test_one_condition_stays_one_until_there_is_a_second() -> None:
    assert posted(drawn({"tag": "x"})) == {"tag": "x"}
    assert posted(drawn({"tag": "x"}), "add v") == {"all": [{"tag": "x"}, {"attr": "", "op": "is"}]}
    assert posted(drawn({"tag": "x"}).put(v__form="none")) == {"not": {"any": [{"tag": "x"}]}}


@pytest.mark.parametrize(
    "raw",
    [
        {"all": [{"bogus": 1}, {"tag": 5}, {"attr": "plan", "op": "iss", "value": 5}, {"event": "x", "count": 3}]},
        {"tag": "x", "stage": "y"},
        {"all": "x"},
        [1, 2],
        {"event": "x", "within": "soon", "where": {"p": 5}},
        {"event": "x", "followed_by": {"event": "y"}, "not_followed_by": {"event": "z"}, "within": "1d"},
    ],
)
def test_a_faulty_rule_is_shown_and_nothing_of_it_is_lost(raw: Any) -> None:
    again = posted(drawn(raw))
    assert read_rule(again)[0] is None
    row = Drawing().rule(raw, "v")
    assert [each for each in row.every() if each.faults]
    if isinstance(raw, dict):
        assert again == raw


def test_what_is_nested_too_deeply_does_no_harm() -> None:
    raw: Any = {"tag": "x"}
    for _ in range(300):
        raw = {"all": [raw]}
    assert read_rule(posted(drawn(raw)))[0] is None
    steps = [
        ("v" + ".0" * depth + end, value) for depth in range(900) for end, value in ((".form", "all"), (".n", "1"))
    ]
    assert read_rule(read(Inputs.of(steps), "v", {}))[0] is None
