"""Sign in and out, and make the first user. These are the only functions that somebody without rights may call.

Their clock is the real one, also where the engine's is a demo's: sessions and waits are about people.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.engine import Connection

from engine.access import passwords, refusals, sessions, users
from engine.access.rights import Actor, Role, rights_of
from engine.access.users import UserFacts
from engine.api.acting import note
from engine.clock import Clock
from engine.errors import AccessError
from engine.store.tables import Workspace
from engine.terms import SECOND
from engine.wiring import Wiring

APPROVAL: Final = "approval"
"""The workspace's setting that says that editors publish nothing by themselves."""


@dataclass(frozen=True)
class SignedIn:
    """A user in a browser, and what they may do."""

    user: UserFacts
    actor: Actor


def needs_owner(wiring: Wiring) -> bool:
    """Tell whether nobody can sign in yet, so that the next visitor makes the first user."""
    with wiring.store.read() as connection:
        return users.count(connection, wiring.workspace_id) == 0


def make_owner(wiring: Wiring, clock: Clock, email: str, name: str, password: str, place: str) -> str:
    """Make the first user, an administrator, and sign them in; give what the session's cookie says.

    Errors: ``AccessError`` when there is a user already, or something cannot be taken.
    """
    passwords.check_strength(password, email, name)
    hashed = passwords.hash_password(password)
    with wiring.store.write() as connection:
        if users.count(connection, wiring.workspace_id):
            raise AccessError("the first user was made already; sign in", fault="made")
        now = clock.micros()
        owner = users.add(
            connection, email, name, Role.ADMIN, now=now, password=hashed, workspace_id=wiring.workspace_id
        )
        note(wiring.acting(_actor(owner, approval=False)), connection, "user.add", str(owner.id), role=owner.role.value)
        users.change(connection, owner.id, signed_in_at=now)
        return sessions.start(connection, owner.id, now=now, place=place)


def sign_in(wiring: Wiring, clock: Clock, email: str, password: str, place: str) -> str:
    """Open a session; give what its cookie says.

    Errors: ``AccessError``: the same words and the same time whether the account or the password is wrong;
    with ``seconds`` to wait after too many failures.
    """
    of, now = refusals.subjects(email, place), clock.micros()
    with wiring.store.read() as connection:
        wait = refusals.waiting(connection, of, now=now)
        found = users.find(connection, email)
    if wait:
        raise AccessError("too many tries; wait a little", fault="wait", seconds=-(-wait // SECOND))
    user, hashed = found or (None, None)
    is_right = passwords.verify(password, hashed)
    with wiring.store.write() as connection:
        if user is None or hashed is None or not is_right:
            refusals.note(connection, wiring.store.name, of, now=now)
        else:
            _welcome(connection, user, password, hashed, now)
            return sessions.start(connection, user.id, now=now, place=place)
    raise AccessError("this address and this password do not belong together", fault="wrong")


def _welcome(connection: Connection, user: UserFacts, password: str, hashed: str, now: int) -> None:
    refusals.forget(connection, user.email)
    users.change(connection, user.id, signed_in_at=now)
    if passwords.is_outdated(hashed):
        users.change(connection, user.id, password=passwords.hash_password(password))


def sign_out(wiring: Wiring, session: str) -> None:
    """End a session."""
    with wiring.store.write() as connection:
        sessions.end(connection, session)


def recognise(wiring: Wiring, clock: Clock, session: str) -> SignedIn | None:
    """Tell who is in a session, and keep it alive; nothing when it is over.

    Cost: three small statements; one more, and a write, once a minute.
    """
    now = clock.micros()
    with wiring.store.read() as connection:
        found = sessions.holder(connection, session, now=now)
        if found is None:
            return None
        user = users.get(connection, found[0])
        approval = asks_for_approval(wiring, connection)
    if found[1]:
        with wiring.store.write() as connection:
            sessions.note(connection, session, now=now)
    return SignedIn(user, _actor(user, approval=approval))


def guest(wiring: Wiring, clock: Clock, email: str, name: str) -> SignedIn:
    """Give a demo's own user, an administrator without a password; make it when it is not there."""
    with wiring.store.write() as connection:
        found = users.find(connection, email)
        user = found[0] if found else users.add(connection, email, name, Role.ADMIN, now=clock.micros())
    return SignedIn(user, _actor(user, approval=False))


def invited(wiring: Wiring, clock: Clock, word: str) -> UserFacts | None:
    """Tell whom an invitation is for; nothing when it is not good any more."""
    with wiring.store.read() as connection:
        return users.invited(connection, word, now=clock.micros())


def accept(wiring: Wiring, clock: Clock, word: str, password: str, place: str) -> str:
    """Choose a password by an invitation, and sign in; other sessions of the user end.

    Errors: ``AccessError``.
    """
    user = invited(wiring, clock, word)
    if user is None:
        raise AccessError("this invitation is over; ask for another one", fault="over")
    passwords.check_strength(password, user.email, user.name)
    hashed, now = passwords.hash_password(password), clock.micros()
    with wiring.store.write() as connection:
        # Asked once more: two who accept at one time must not both win.
        if users.invited(connection, word, now=now) is None:
            raise AccessError("this invitation is over; ask for another one", fault="over")
        users.change(connection, user.id, password=hashed, invitation=None, invited_until=None, signed_in_at=now)
        sessions.end_all(connection, user.id)
        refusals.forget(connection, user.email)
        note(wiring.acting(_actor(user, approval=True)), connection, "user.password", str(user.id))
        return sessions.start(connection, user.id, now=now, place=place)


def change_password(wiring: Wiring, session: str, old: str, new: str) -> None:
    """Change the acting user's own password; their other sessions end.

    Errors: ``AccessError``.
    """
    with wiring.store.read() as connection:
        user = users.get(connection, wiring.actor.user_id or 0)
        known = users.find(connection, user.email)
    if known is None or not passwords.verify(old, known[1]):
        raise AccessError("the old password is not right", fault="wrong")
    passwords.check_strength(new, user.email, user.name)
    hashed = passwords.hash_password(new)
    with wiring.store.write() as connection:
        users.change(connection, user.id, password=hashed)
        sessions.end_all(connection, user.id, but=session)
        note(wiring, connection, "user.password", str(user.id))


def speak(wiring: Wiring, user_id: int, language: str) -> None:
    """Keep a user's language."""
    with wiring.store.write() as connection:
        users.change(connection, user_id, language=language)


def asks_for_approval(wiring: Wiring, connection: Connection) -> bool:
    """Tell whether the workspace lets only approvers publish."""
    table = Workspace.__table__  # type: ignore[attr-defined]
    said = connection.scalar(
        table.select().with_only_columns(table.c.settings).where(table.c.id == wiring.workspace_id)
    )
    return bool((said or {}).get(APPROVAL))


def _actor(user: UserFacts, *, approval: bool) -> Actor:
    return Actor(user.id, user.name, rights_of(user.role, approval=approval))
