"""Every operator, with every trap of a value, on both databases."""

from collections.abc import Iterator

import sqlalchemy as sa

from engine.rules.evaluate import holds
from engine.rules.facts import AccountFact, EventFact, Facts
from engine.rules.model import Attr, Rule
from engine.rules.parse import parse_rule
from engine.segments.compile import compile_rule, match_properties
from engine.store.session import Store
from engine.store.tables import Event
from tests.rules.grid import conditions
from tests.rules.worlds import DATES, NOW, TEXTS, VALUES, contact
from tests.segments.people import TABLES, ask, at, fill, scope

SOME = 60


def named(name: str) -> list[Rule]:
    return [parse_rule({"attr": name, **condition}) for condition in conditions()]


def disagreements(connection: sa.Connection, people: list[Facts], rules: list[Rule]) -> Iterator[tuple[Rule, object]]:
    for start in range(0, len(rules), SOME):
        asked = rules[start : start + SOME]
        found = ask(connection, [compile_rule(rule, scope(at(NOW))) for rule in asked])
        for person, row in zip(people, found, strict=True):
            for rule, got in zip(asked, row, strict=True):
                if got is None or bool(got) is not holds(rule, person, NOW):
                    yield rule, person


def test_operators_on_attributes(store: Store) -> None:
    people = [contact(attributes={"x": value}) for value in VALUES] + [contact()]
    with store.write() as connection:
        fill(connection, people)
        assert list(disagreements(connection, people, named("x"))) == []


def test_operators_on_accounts(store: Store) -> None:
    people = [contact()]
    for value in VALUES:
        text = value if isinstance(value, str) else None
        people.append(contact(account=AccountFact(text or "a", text, {"x": value})))
    with store.write() as connection:
        fill(connection, people)
        for start, name in enumerate(("account.x", "account.name", "account.id")):
            assert list(disagreements(connection, people, named(name)[start::5])) == []


def test_operators_on_built_in_attributes(store: Store) -> None:
    columns = ("email", "phone", "timezone", "locale", "stage")
    people = [contact(key=text, **dict.fromkeys(columns, text)) for text in (*TEXTS, *DATES)]
    people += [contact(created_at=NOW - step) for step in (0, 1, 43_200_000_000, 86_400_000_000, 302_400_000_000)]
    with store.write() as connection:
        fill(connection, people)
        assert list(disagreements(connection, people, named("created_at")[::2])) == []
        for start, name in enumerate((*columns, "id")):
            assert list(disagreements(connection, people, named(name)[start::7])) == []


ODD_NAMES = (
    "it's",
    "a.b",
    "$x",
    "$",
    "x y",
    "渠道",
    "[0]",
    "#",
    "ключ",
    "😀",
    "%s",
    ":p",
    "?",
    "-1",
    "0",
    "%(x)s",
    "{}",
)


def test_names_are_taken_as_they_stand(store: Store) -> None:
    people = [contact(attributes={name: 1}) for name in ODD_NAMES]
    people += [contact(attributes={"x": {name: 1}, f"{name}?!": 1}) for name in ODD_NAMES]
    rules = [parse_rule({"attr": name, "op": "is", "value": 1}) for name in ODD_NAMES]
    with store.write() as connection:
        fill(connection, people)
        found = ask(connection, [compile_rule(rule, scope(at(NOW))) for rule in rules])
    expected = [[person.attributes.get(name) == 1 for name in ODD_NAMES] for person in people]
    assert [list(map(bool, row)) for row in found] == expected


def test_scores_fall_back(store: Store) -> None:
    people = [
        contact(attributes={"score": 5, "value": 1}),
        contact(attributes={"value": 5}),
        contact(attributes={"score": None, "value": 5}),
        contact(attributes={"score": "5", "value": 5}),
        contact(attributes={"fit": 5}),
    ]
    rules = [
        parse_rule({"attr": name, "op": op, "value": 5}) for name in ("score", "score.fit") for op in ("is", "is_not")
    ]
    with store.write() as connection:
        fill(connection, people)
        assert list(disagreements(connection, people, rules)) == []
        answers = ask(connection, [compile_rule(rules[0], scope(at(NOW)))])
    assert [bool(yes) for (yes,) in answers] == [True, True, True, False, False]


def test_operators_on_properties_of_events(store: Store) -> None:
    person = contact(events=[EventFact(NOW, seq, "e", {"x": value}) for seq, value in enumerate(VALUES, 1)])
    event = TABLES[Event]
    chosen = [rule.condition for rule in named("x")[::5] if isinstance(rule, Attr)]
    with store.write() as connection:
        fill(connection, [person])
        matches = [match_properties(event.c.properties, {"x": condition}, at(NOW)) for condition in chosen]
        found = connection.execute(sa.select(*matches).order_by(event.c.id)).all()
    for fact, row in zip(person.events, found, strict=True):
        for condition, got in zip(chosen, row, strict=True):
            attribute = contact(attributes={"x": fact.properties["x"]})
            assert bool(got) is holds(Attr("x", condition), attribute, NOW), (condition, fact)
