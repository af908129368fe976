"""Users: list, invite, change what they are, let them in no more. Only administrators may."""

from dataclasses import dataclass
from datetime import datetime

from engine.access import audit, sessions, users
from engine.access.rights import Right, Role
from engine.access.users import UserFacts
from engine.api.acting import needs, note
from engine.clock import Clock
from engine.errors import AccessError
from engine.terms import from_micros
from engine.wiring import Wiring


@dataclass(frozen=True)
class AuditLine:
    """Something that was changed; ``user`` is nothing for the command line."""

    number: int
    at: datetime
    user: str | None
    action: str
    subject: str
    detail: dict[str, object]
    digest: str


@needs(Right.MANAGE)
def list_users(wiring: Wiring) -> list[UserFacts]:
    """List the users, oldest first."""
    with wiring.store.read() as connection:
        return users.listed(connection, wiring.workspace_id)


@needs(Right.MANAGE)
def invite_user(wiring: Wiring, clock: Clock, email: str, name: str, role: Role) -> str:
    """Make a user; give the word of their invitation, which is never shown again.

    Errors: ``AccessError``.
    """
    with wiring.store.write() as connection:
        made = users.add(connection, email, name, role, now=clock.micros(), workspace_id=wiring.workspace_id)
        note(wiring, connection, "user.add", str(made.id), role=role.value)
        return users.invite(connection, made.id, now=clock.micros())


@needs(Right.MANAGE)
def invite_again(wiring: Wiring, clock: Clock, user_id: int) -> str:
    """Give a new invitation to a user who lost the first, or the password."""
    with wiring.store.write() as connection:
        users.get(connection, user_id)
        note(wiring, connection, "user.invite", str(user_id))
        return users.invite(connection, user_id, now=clock.micros())


@needs(Right.MANAGE)
def change_role(wiring: Wiring, user_id: int, role: Role) -> None:
    """Make a user something else; their sessions end, so that nothing is done in the old role.

    Errors: ``AccessError`` for the last administrator.
    """
    with wiring.store.write() as connection:
        before = users.get(connection, user_id)
        users.change(connection, user_id, role=role.value)
        if before.role is Role.ADMIN and not users.admins(connection, wiring.workspace_id):
            raise AccessError("somebody has to be an administrator; make another one first", fault="last")
        if before.role is not role:
            sessions.end_all(connection, user_id)
            note(wiring, connection, "user.role", str(user_id), before=before.role.value, after=role.value)


@needs(Right.MANAGE)
def disable_user(wiring: Wiring, clock: Clock, user_id: int, *, disabled: bool) -> None:
    """Let a user in no more, or again.

    Errors: ``AccessError`` for the last administrator.
    """
    with wiring.store.write() as connection:
        users.get(connection, user_id)
        users.change(connection, user_id, disabled_at=clock.micros() if disabled else None)
        if not users.admins(connection, wiring.workspace_id):
            raise AccessError("somebody has to be an administrator; make another one first", fault="last")
        sessions.end_all(connection, user_id)
        note(wiring, connection, "user.disable" if disabled else "user.enable", str(user_id))


@needs(Right.MANAGE)
def list_audit(wiring: Wiring, before: int | None = None) -> list[AuditLine]:
    """List what was changed, the latest first; ``before`` is the number of the last one seen."""
    with wiring.store.read() as connection:
        found = audit.entries(connection, before, workspace_id=wiring.workspace_id)
    return [AuditLine(e.number, from_micros(e.at), e.user, e.action, e.subject, e.detail, e.digest) for e in found]
