"""Rules: trees of conditions on a contact. Pure data and its meaning; SQL is made of them in ``engine.segments``."""

from engine.rules.evaluate import flip_instants, holds
from engine.rules.facts import AccountFact, ConsentFact, EventFact, Facts, MessageFact
from engine.rules.faults import Fault
from engine.rules.model import Condition, Op, Rule, walk
from engine.rules.names import event_names, reads_contact, reads_time
from engine.rules.parse import parse_rule, read_conditions, read_rule, to_json

__all__ = [
    "AccountFact",
    "Condition",
    "ConsentFact",
    "EventFact",
    "Facts",
    "Fault",
    "MessageFact",
    "Op",
    "Rule",
    "event_names",
    "flip_instants",
    "holds",
    "parse_rule",
    "read_conditions",
    "read_rule",
    "reads_contact",
    "reads_time",
    "to_json",
    "walk",
]
