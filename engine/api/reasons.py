"""Why a contact went the way it went: the rules of a step, part by part, with what they saw.

Events are seen as they were at the instant of the step; attributes, tags and consents as they are now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.contract.fields import fields_of
from engine.errors import RuleError
from engine.library.plan import PlanNode
from engine.people import contacts
from engine.rules import model
from engine.rules.explain import Part, explain
from engine.rules.facts import AccountFact, ConsentFact, EventFact, Facts, MessageFact
from engine.rules.parse import parse_rule
from engine.store.tables import Account, Consent, ContactTag, Event, Message, Segment
from engine.terms import Micros, Text
from engine.wiring import Wiring

ACCOUNT: sa.Table = Account.__table__  # type: ignore[attr-defined]
CONSENT: sa.Table = Consent.__table__  # type: ignore[attr-defined]
EVENT: sa.Table = Event.__table__  # type: ignore[attr-defined]
MESSAGE: sa.Table = Message.__table__  # type: ignore[attr-defined]
SEGMENT: sa.Table = Segment.__table__  # type: ignore[attr-defined]
TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]

RECEIPTS = ("delivered", "opened", "clicked", "bounced", "replied")


@dataclass(frozen=True)
class Reason:
    """A rule that a step looked at: the port it leads to, whether that was taken, and the rule's parts."""

    port: str
    label: Text | None
    is_taken: bool
    parts: tuple[Part, ...]


class Witness:
    """What is known of one contact, read once when the first step asks.

    Cost: seven small statements, and all events of the contact.
    """

    def __init__(self, wiring: Wiring, connection: Connection, contact: contacts.Facts) -> None:
        self._wiring = wiring
        self._connection = connection
        self._contact = contact

    def reasons(self, node: PlanNode, port: str, enrollment: int, at: Micros) -> tuple[Reason, ...]:
        """Explain a step: the rules of its node up to the one that was taken; nothing for a node without rules."""
        rules = [each.value for each in fields_of(node.config) if isinstance(each.value, model.Rule)]
        if not rules:
            return ()
        facts = replace(self.facts, messages=self._messages(enrollment))
        # One rule for each port but the last: the n-th leads to the n-th.
        ports = node.ports if len(rules) == len(node.ports) - 1 else (port,) * len(rules)
        labels = {each.key: each.label for each in node.type.ports(node.config)}
        found = []
        for rule, way in zip(rules, ports, strict=False):
            found.append(Reason(way, labels.get(way), way == port, _told(rule, facts, at)))
            if way == port and len(rules) > 1:
                break
        return tuple(found)

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
        plan = self._wiring.deployments.plan(self._connection, version)
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


def _told(rule: model.Rule, facts: Facts, at: Micros) -> tuple[Part, ...]:
    try:
        return tuple(explain(rule, facts, at))
    except RuleError:
        return ()
