"""A browser in which somebody is signed in, for tests of pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient

from designer.app import create_app
from designer.doors import COOKIE
from engine.access import sessions, users
from engine.access.rights import Role
from engine.clock import Clock, RealClock
from engine.wiring import Wiring

HTML = {"accept": "text/html"}


def let_in(wiring: Wiring, role: Role = Role.ADMIN, clock: Clock | None = None) -> str:
    """Make a user of a role, if there is none, and a session; give what its cookie says."""
    now = (clock or RealClock()).micros()
    email = f"{role.value}@example.com"
    with wiring.store.write() as connection:
        found = users.find(connection, email)
        user = found[0] if found else users.add(connection, email, role.value.title(), role, now=now)
        return sessions.start(connection, user.id, now=now, place="testclient")


@contextmanager
def signed_in(wiring: Wiring, role: Role = Role.ADMIN, **options: Any) -> Iterator[TestClient]:
    """Open the application as a user of a role would: with a session, and the word that changes bring along."""
    session = let_in(wiring, role, options.get("clock"))
    headers = {**HTML, "x-csrf-token": sessions.csrf_token(session)}
    with TestClient(create_app(wiring, **options), headers=headers, cookies={COOKIE: session}) as client:
        yield client
