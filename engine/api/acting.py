"""Rights at the counter: what a function needs stands above it, and whoever calls it is on the wiring."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.engine import Connection

from engine.access import audit
from engine.access.rights import NOBODY, OPERATOR, Actor, Right, Role
from engine.access.sessions import csrf_token
from engine.terms import Json
from engine.wiring import Wiring

__all__ = ["NOBODY", "OPERATOR", "Actor", "Right", "Role", "csrf_token", "needs", "note"]

P = ParamSpec("P")
R = TypeVar("R")
Call = Callable[Concatenate[Wiring, P], R]


def needs(right: Right) -> Callable[[Call[P, R]], Call[P, R]]:
    """Let a function be called only by somebody who has this right.

    Errors: ``AccessError`` when it is called.
    """

    def guard(call: Call[P, R]) -> Call[P, R]:
        @wraps(call)
        def guarded(wiring: Wiring, /, *args: P.args, **options: P.kwargs) -> R:
            wiring.actor.require(right)
            return call(wiring, *args, **options)

        guarded.__dict__["needs"] = right
        return guarded

    return guard


def note(wiring: Wiring, connection: Connection, action: str, subject: str, **detail: Json) -> None:
    """Write into the audit log, in the transaction of the change, that the acting user did this."""
    now = wiring.clock.micros()
    audit.record(connection, wiring.actor, action, subject, detail, now=now, workspace_id=wiring.workspace_id)
