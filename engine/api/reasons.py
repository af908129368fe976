"""Why a contact went the way it went: the rules of a step, part by part, with what they saw.

Events are seen as they were at the instant of the step; attributes, tags and consents as they are now.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.contract.fields import fields_of
from engine.errors import RuleError
from engine.library.plan import Plan, PlanNode
from engine.people import contacts
from engine.rules import model
from engine.rules.evaluate import holds
from engine.rules.explain import Part, explain
from engine.rules.facts import AccountFact, ConsentFact, EventFact, Facts, MessageFact
from engine.rules.parse import parse_rule
from engine.store.tables import Account, Consent, ContactTag, Event, Message, Segment
from engine.terms import Micros, Text

ACCOUNT: sa.Table = Account.__table__  # type: ignore[attr-defined]
CONSENT: sa.Table = Consent.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
SEGMENT: sa.Table = Segment.__table__  # type: ignore[attr-defined]
TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]

RECEIPTS = ("delivered", "opened", "clicked", "bounced", "replied")


PlanOf = Callable[[int], Plan | None]
"""Gives the plan of a flow version."""


@dataclass(frozen=True)
class Reason:
    """Something that a step looked at: the port it leads to, whether that was taken, and a rule's parts.

    Shape: ``words`` instead of parts for a step that asks no rule; ``is_stale`` when the rule says otherwise by what is
    known now than it did at the step.
    """

    port: str
    label: Text | None
    is_taken: bool
    parts: tuple[Part, ...]
    words: Text | None = None
    is_stale: bool = False


class Witness:
    """What is known of one contact, read once when the first step asks.

    Cost: seven small statements, and all events of the contact.
    """

    def __init__(self, plan_of: PlanOf, connection: Connection, contact: contacts.Facts) -> None:
        self._plan_of = plan_of
        self._connection = connection
        self._contact = contact

    def reasons(self, node: PlanNode, port: str, enrollment: int, at: Micros) -> tuple[Reason, ...]:
        """Explain a step: the rules of its node up to the one that was taken, else what the node says of it."""
        rules = [each.value for each in fields_of(node.config) if isinstance(each.value, model.Rule)]
        if not rules:
            return self._without_rules(node, port, at)
        facts = replace(self.facts, messages=self._messages(enrollment))
        # One rule for each port but the last: the n-th leads to the n-th.
        ports = node.ports if len(rules) == len(node.ports) - 1 else (port,) * len(rules)
        labels = {each.key: each.label for each in node.type.ports(node.config)}
        found = []
        for rule, way in zip(rules, ports, strict=False):
            found.append(_reason(rule, facts, at, way, labels.get(way), is_taken=way == port))
            if way == port and len(rules) > 1:
                break
        return tuple(found)

    def _without_rules(self, node: PlanNode, port: str, at: Micros) -> tuple[Reason, ...]:
        if len(node.ports) < 2:
            return ()
        last = max((each.at for each in self.facts.events if each.at <= at), default=self.facts.created_at)
        words = node.type.why(node.config, port, timedelta(microseconds=at - last))
        return () if words is None else (Reason(port, None, True, (), words),)

    @cached_property
    def facts(self) -> Facts:
        """What rules may look at, but for messages, which belong to an enrollment."""
        one = self._contact
        tags = self._connection.scalars(sa.select(TAG.c.tag).where(*self._mine(TAG)))
        segments = self._connection.execute(sa.select(SEGMENT.c.key, SEGMENT.c.rule))
        return Facts(
            key=one.key,
            created_at=one.created_at,
            email=one.email,
            phone=one.phone,
            timezone=one.timezone,
            locale=one.locale,
            stage=one.stage,
            attributes=one.attributes,
            account=self._account(),
            tags=frozenset(tags),
            events=[EventFact(row.at, row.id, row.name, row.properties or {}) for row in self._rows(EVENT)],
            consents=[
                ConsentFact(row.topic, row.channel, row.state == "granted", row.at) for row in self._rows(CONSENT)
            ],
            segments={row.key: parse_rule(row.rule) for row in segments},
        )

    def _messages(self, enrollment: int) -> Sequence[MessageFact]:
        rows = self._rows(MESSAGE, MESSAGE.c.enrollment_id == enrollment)
        return [
            MessageFact(
                self._node_of(row.version_id, row.node),
                row.state == "suppressed",
                {did: getattr(row, f"{did}_at") for did in RECEIPTS if getattr(row, f"{did}_at") is not None},
            )
            for row in rows
        ]

    def _node_of(self, version: int, place: int) -> str:
        """Name a node; an enrollment may have come over from an earlier version."""
        plan = self._plan_of(version)
        assert plan is not None, "a message names a version that is there"
        return plan.nodes[place].id

    def _account(self) -> AccountFact | None:
        mine = (ACCOUNT.c.part == self._contact.part, ACCOUNT.c.id == self._contact.account_id)
        row = self._connection.execute(sa.select(ACCOUNT).where(*mine)).first()
        return None if row is None else AccountFact(row.key, row.name, row.attributes)

    def _rows(self, table: sa.Table, *more: Any) -> Sequence[Any]:
        return self._connection.execute(sa.select(table).where(*self._mine(table), *more)).all()

    def _mine(self, table: sa.Table) -> list[sa.ColumnElement[bool]]:
        return [table.c.part == self._contact.part, table.c.contact_id == self._contact.id]


def _reason(rule: model.Rule, facts: Facts, at: Micros, port: str, label: Text | None, *, is_taken: bool) -> Reason:
    try:
        is_stale = holds(rule, facts, at) is not is_taken
        return Reason(port, label, is_taken, tuple(explain(rule, facts, at)), is_stale=is_stale)
    except RuleError:
        return Reason(port, label, is_taken, ())
