"""Users: who signs in to the designer, and as what."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.engine import Connection

from engine.access.rights import Role
from engine.errors import AccessError, NotFound
from engine.store.tables import User, Workspace
from engine.terms import DAY, Micros

USER: sa.Table = User.__table__  # type: ignore[attr-defined]
WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]

LONGEST_NAME: Final = 80
INVITED_FOR: Final = 7 * DAY


@dataclass(frozen=True)
class UserFacts:
    """A user as stored, without the password."""

    id: int
    email: str
    name: str
    role: Role
    language: str | None
    created_at: Micros
    signed_in_at: Micros | None
    disabled_at: Micros | None
    has_password: bool


def count(connection: Connection, workspace_id: int = 1) -> int:
    """Count the users of a workspace."""
    mine = USER.c.workspace_id == workspace_id
    return connection.scalar(sa.select(sa.func.count()).select_from(USER).where(mine)) or 0


def listed(connection: Connection, workspace_id: int = 1) -> list[UserFacts]:
    """List the users, oldest first."""
    chosen = sa.select(USER).where(USER.c.workspace_id == workspace_id).order_by(USER.c.id)
    return [_facts(row) for row in connection.execute(chosen)]


def add(
    connection: Connection,
    email: str,
    name: str,
    role: Role,
    *,
    now: Micros,
    password: str | None = None,
    workspace_id: int = 1,
) -> UserFacts:
    """Make a user; ``password`` is its hash.

    Errors: ``AccessError`` when the address is none or is taken, or the name is empty.
    """
    email, name = read_email(email), name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise AccessError(f"a user needs a name of at most {LONGEST_NAME} signs", fault="name")
    # Whoever holds the workspace's row is the only one who numbers users.
    connection.execute(sa.select(WORKSPACE.c.id).where(WORKSPACE.c.id == workspace_id).with_for_update())
    if connection.scalar(sa.select(USER.c.id).where(USER.c.email == email)) is not None:
        raise AccessError(f"there is a user {email} already", fault="taken")
    number = (connection.scalar(sa.select(sa.func.max(USER.c.id))) or 0) + 1
    row = {"id": number, "workspace_id": workspace_id, "email": email, "name": name, "role": role.value}
    connection.execute(USER.insert().values(**row, password=password, created_at=now))
    return get(connection, number)


def read_email(text: str) -> str:
    """Read a mail address; small and large letters are the same user.

    Errors: ``AccessError``.
    """
    try:
        return validate_email(text.strip(), check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        raise AccessError("this is not a mail address", fault="email") from None


def get(connection: Connection, user_id: int) -> UserFacts:
    """Give a user.

    Errors: ``NotFound``.
    """
    row = connection.execute(sa.select(USER).where(USER.c.id == user_id)).one_or_none()
    if row is None:
        raise NotFound("there is no such user", user=user_id)
    return _facts(row)


def find(connection: Connection, email: str) -> tuple[UserFacts, str | None] | None:
    """Find a user who may sign in, by the mail address; with the password's hash."""
    chosen = sa.select(USER).where(USER.c.email == email.strip().lower()[:320], USER.c.disabled_at.is_(None))
    row = connection.execute(chosen).one_or_none()
    return None if row is None else (_facts(row), row.password)


def change(connection: Connection, user_id: int, **values: Any) -> None:
    """Change columns of a user."""
    connection.execute(USER.update().values(**values).where(USER.c.id == user_id))


def invite(connection: Connection, user_id: int, *, now: Micros) -> str:
    """Make the word with which a user chooses a password, once, within a week; earlier ones are void."""
    word = secrets.token_urlsafe(24)
    change(connection, user_id, invitation=_digest(word), invited_until=now + INVITED_FOR)
    return word


def invited(connection: Connection, word: str, *, now: Micros) -> UserFacts | None:
    """Tell whom a word invites."""
    mine = (USER.c.invitation == _digest(word), USER.c.invited_until > now, USER.c.disabled_at.is_(None))
    row = connection.execute(sa.select(USER).where(*mine)).one_or_none()
    return None if row is None else _facts(row)


def admins(connection: Connection, workspace_id: int = 1) -> int:
    """Count the administrators who can sign in."""
    mine = (USER.c.workspace_id == workspace_id, USER.c.role == Role.ADMIN.value, USER.c.disabled_at.is_(None))
    return connection.scalar(sa.select(sa.func.count()).select_from(USER).where(*mine)) or 0


def _digest(word: str) -> str:
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()


def _facts(row: Any) -> UserFacts:
    shown = ("id", "email", "name", "language", "created_at", "signed_in_at", "disabled_at")
    facts = {name: getattr(row, name) for name in shown}
    return UserFacts(**facts, role=Role(row.role), has_password=row.password is not None)
