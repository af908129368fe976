"""Hand messages over in a virtual world: they are sent at their instant, and contacts make something of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from engine.channels.policy import MESSAGE
from engine.run.context import Run
from engine.run.tables import PART
from engine.simulate.behaviour import Behaviour, Happening, reactions, responses
from engine.simulate.world import BATCH, World
from engine.store.prepared import Prepared, parameter
from engine.store.rowsets import pack, rowset
from engine.store.tables.messages import OPEN_MESSAGE
from engine.terms import Micros

KEY: Final = ("contact_id", "enrollment_id", "node", "passing")
NOTED: Final = {"message_opened": "opened_at", "message_clicked": "clicked_at", "message_replied": "replied_at"}
"""Where a message notes when something was made of it."""

_Sent: TypeAlias = tuple[int, int, int, int, int, Micros]
"""Contact, enrollment, node, passing, version, and the instant at which the message is sent."""


@dataclass(frozen=True)
class Sender:
    """Sends what is owed; contacts react as they are told to, or not at all without ``how``."""

    world: World
    how: Behaviour | None
    seed: int
    end: Micros

    def send(self, run: Run, until: Micros) -> None:
        """Hand over what is owed up to an instant, and tell what contacts are going to make of it.

        Cost: one statement, and a few more for so many messages as are told of at once, when contacts react.
        """
        given = run.given(until=until)
        if self.how is None:
            _sent(run.dialect, False).run(run.connection, given)
            return
        listed: list[_Sent] = sorted(tuple(row) for row in _sent(run.dialect, True).run(run.connection, given).all())
        for begin in range(0, len(listed), BATCH):
            sent = listed[begin : begin + BATCH]
            told = [(each, [thing for thing in self._made(run, each) if thing.at <= self.end]) for each in sent]
            _note(run, told)
            self.world.plan(each for _, happenings in told for each in happenings)

    def _made(self, run: Run, sent: _Sent) -> Iterator[Happening]:
        """Draw what a contact makes of a message."""
        assert self.how is not None
        contact, enrollment, node, passing, version, at = sent
        key, how = self.world.names[run.part, contact], self.how
        plan = run.deployment.plans[version]
        node_id = plan.nodes[node].id
        message = f"{plan.flow_key}/{node_id}/{passing}/{at}"
        about = {"node": node_id, "message_key": f"{run.part}-{contact}-{enrollment}-{node}-{passing}"}
        yield from reactions(key, message, about, at, how, self.seed)
        if how.responses:
            yield from responses(key, message, node_id, at, how, self.seed)


def _note(run: Run, told: Sequence[tuple[_Sent, Sequence[Happening]]]) -> None:
    """Let messages tell beforehand when they will be opened, clicked and answered: rules look at the instant."""
    rows = []
    for sent, happenings in told:
        noted = {each.name: each.at for each in happenings if each.noted}
        if noted:
            rows.append([*sent[: len(KEY)], *(noted.get(name) for name in NOTED)])
    if rows:
        _noting(run.dialect).run(run.connection, run.given(noted=pack(rows)))


@cache
def _noting(dialect: str) -> Prepared:
    columns = dict.fromkeys((*KEY, *NOTED.values()), sa.BigInteger)
    rows = rowset(dialect, "noted", **columns)
    mine = [MESSAGE.c.part == PART, *(MESSAGE.c[name] == rows.c[name] for name in KEY)]
    return Prepared(MESSAGE.update().values({name: rows.c[name] for name in NOTED.values()}).where(*mine), dialect)


@cache
def _sent(dialect: str, tell: bool) -> Prepared:
    statement = (
        MESSAGE.update()
        .values(state="sent", sent_at=MESSAGE.c.not_before, intent_at=MESSAGE.c.not_before, attempt=1)
        .where(
            MESSAGE.c.part == PART,
            OPEN_MESSAGE,
            MESSAGE.c.state == "queued",
            MESSAGE.c.not_before <= parameter("until"),
        )
    )
    if not tell:
        return Prepared(statement, dialect)
    told: tuple[Any, ...] = tuple(MESSAGE.c[name] for name in (*KEY, "version_id", "sent_at"))
    return Prepared(statement.returning(*told), dialect)
