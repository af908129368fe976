"""The compiled SQL means what the oracle says, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.rules.evaluate import holds
from engine.rules.facts import Facts
from engine.rules.model import Not, Rule
from engine.rules.parse import to_json
from engine.segments.compile import compile_rule
from engine.store.session import Store
from tests.rules.worlds import NOW, facts, rules
from tests.segments.people import ask, at, fill, scope

worlds = settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@contextmanager
def peopled(store: Store, people: list[Facts]) -> Iterator[sa.Connection]:
    """Fill a store with contacts for as long as the block lasts."""
    with store.engine.connect() as connection, connection.begin() as transaction:
        fill(connection, people)
        yield connection
        transaction.rollback()


@worlds
@given(st.lists(facts, min_size=3, max_size=6), st.lists(rules, min_size=8, max_size=8))
def test_compiled_rules_agree_with_the_oracle(store: Store, people: list[Facts], asked: list[Rule]) -> None:
    expected = [[holds(rule, person, NOW) for rule in asked] for person in people]
    with peopled(store, people) as connection:
        found = ask(connection, [compile_rule(rule, scope(at(NOW))) for rule in asked])
    for person, wanted, row in zip(people, expected, found, strict=True):
        for rule, yes, got in zip(asked, wanted, row, strict=True):
            assert got is not None
            assert bool(got) is yes, (to_json(rule), person)


@worlds
@given(st.lists(facts, min_size=3, max_size=6), st.lists(rules, min_size=4, max_size=4))
def test_a_rule_and_its_negation_part_the_contacts(store: Store, people: list[Facts], asked: list[Rule]) -> None:
    both = [compile_rule(each, scope(at(NOW))) for rule in asked for each in (rule, Not(rule))]
    with peopled(store, people) as connection:
        for row in ask(connection, both):
            assert all({bool(yes), bool(no)} == {True, False} for yes, no in zip(row[::2], row[1::2], strict=True))
            assert None not in row
