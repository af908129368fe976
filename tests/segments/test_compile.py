"""The compiled SQL means what the oracle says, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.rules.evaluate import flip_instants, holds
from engine.rules.facts import Facts
from engine.rules.model import Not, Rule
from engine.rules.names import reads_time
from engine.rules.parse import to_json
from engine.segments.compile import compile_rule
from engine.segments.flips import next_flip
from engine.store.session import Store
from tests.rules.worlds import NOW, SEGMENT_RULES, facts, rules
from tests.segments.people import ask, at, fill, scope

SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
worlds = settings(max_examples=40, suppress_health_check=SLOW)


@contextmanager
def peopled(store: Store, people: list[Facts]) -> Iterator[sa.Connection]:
    """Fill a store with contacts for as long as the block lasts."""
    with store.engine.connect() as connection, connection.begin() as transaction:
        fill(connection, people)
        yield connection
        transaction.rollback()


@worlds
@given(st.lists(facts, min_size=4, max_size=4), st.lists(rules, min_size=6, max_size=6))
def test_rules_mean_what_the_oracle_says(store: Store, people: list[Facts], asked: list[Rule]) -> None:
    both = [compile_rule(each, scope(at(NOW))) for rule in asked for each in (rule, Not(rule))]
    with peopled(store, people) as connection:
        found = ask(connection, both)
    for person, row in zip(people, found, strict=True):
        for rule, yes, no in zip(asked, row[::2], row[1::2], strict=True):
            # Neither is NULL: a rule and its negation part the contacts.
            assert {yes, no} == {True, False}
            assert bool(yes) is holds(rule, person, NOW), (to_json(rule), person)


@worlds
@given(st.lists(facts, min_size=4, max_size=4), st.lists(rules, min_size=6, max_size=6))
def test_nothing_changes_before_the_next_flip(store: Store, people: list[Facts], asked: list[Rule]) -> None:
    timed = [(rule, flip) for rule in asked if (flip := next_flip(rule, scope(at(NOW)))) is not None]
    for rule in asked:
        assert reads_time(rule, SEGMENT_RULES) is any(rule is other for other, _ in timed)
    with peopled(store, people) as connection:
        found = ask(connection, [sa.literal(1), *(flip for _, flip in timed)])
    for person, (_, *row) in zip(people, found, strict=True):
        for (rule, _), flip in zip(timed, row, strict=True):
            instants = flip_instants(rule, person, NOW)
            assert flip is None or flip in instants
            before = [instant for instant in instants if flip is None or instant < flip]
            assert {holds(rule, person, instant) for instant in before} <= {holds(rule, person, NOW)}, to_json(rule)
