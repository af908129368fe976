"""What is said to be impossible for a value is impossible for every value that we know."""

from random import Random

from engine.rules.compare import satisfies
from engine.rules.model import At, Attr, Condition
from engine.rules.parse import parse_rule
from engine.rules.possible import Demand, possible
from engine.terms import DAY
from tests.rules.grid import conditions
from tests.rules.worlds import NOW, VALUES

TRIALS = 10_000
STEPS = (0, 1, DAY // 2, DAY, DAY + 1, 3 * DAY, 3 * DAY + 1, 30 * DAY)
INSTANTS = tuple(At(NOW + sign * step) for step in STEPS for sign in (-1, 1))


def known() -> list[Condition]:
    rules = [parse_rule({"attr": "x", **raw}) for raw in conditions()]
    return [rule.condition for rule in rules if isinstance(rule, Attr)]


def test_nothing_possible_is_denied() -> None:
    random = Random(7)
    every = known()
    # One value satisfies it: all that is demanded was taken from what is true of it.
    for _ in range(TRIALS):
        value = random.choice(VALUES)
        some = random.sample(every, 6)
        demands = [Demand(condition, satisfies(condition, value, NOW)) for condition in some]
        assert possible(demands), (value, demands)


def test_nothing_possible_is_denied_of_instants() -> None:
    random = Random(8)
    every = known()
    for _ in range(TRIALS):
        instant = random.choice(INSTANTS)
        demands = [Demand(condition, satisfies(condition, instant, NOW)) for condition in random.sample(every, 6)]
        assert possible(demands, ("instant",)), (instant, demands)


def test_much_that_is_impossible_is_denied() -> None:
    random = Random(9)
    every = known()
    denied = sum(not possible([Demand(condition) for condition in random.sample(every, 2)]) for _ in range(1_000))
    assert denied > 300
