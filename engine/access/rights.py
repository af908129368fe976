"""Who is acting, and what they may do. Deny is the default: a right that is not given is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.errors import AccessError


class Right(StrEnum):
    """Something that not everybody may do."""

    READ = "read"
    """Look at everything but users, keys and the audit log."""
    EDIT = "edit"
    """Change drafts, templates, segments and contacts."""
    RUN = "run"
    """Publish, pause, resume, let contacts in, retry: whatever makes contacts move or mail go out."""
    MANAGE = "manage"
    """Change users, keys and the workspace; read the audit log."""


class Role(StrEnum):
    """What a user is; each may do all that the one before may."""

    VIEWER = "viewer"
    EDITOR = "editor"
    APPROVER = "approver"
    ADMIN = "admin"


_GIVEN: Final[Mapping[Role, frozenset[Right]]] = {
    Role.VIEWER: frozenset({Right.READ}),
    Role.EDITOR: frozenset({Right.READ, Right.EDIT}),
    Role.APPROVER: frozenset({Right.READ, Right.EDIT, Right.RUN}),
    Role.ADMIN: frozenset(Right),
}


def rights_of(role: Role, *, approval: bool) -> frozenset[Right]:
    """Give the rights of a role; where the workspace asks for no approval, editors run what they drew."""
    more = {Right.RUN} if role is Role.EDITOR and not approval else set()
    return _GIVEN[role] | more


@dataclass(frozen=True)
class Actor:
    """Whoever calls the engine: a user with their rights, or a program."""

    user_id: int | None
    name: str
    rights: frozenset[Right]

    def may(self, right: Right) -> bool:
        """Tell whether this is allowed."""
        return right in self.rights

    def require(self, right: Right) -> None:
        """Refuse what is not allowed.

        Errors: ``AccessError``.
        """
        if not self.may(right):
            raise AccessError(_REFUSALS[right], right=right.value)


_REFUSALS: Final[Mapping[Right, str]] = {
    Right.READ: "sign in to see this",
    Right.EDIT: "your role may look but not change; ask an administrator for the role of an editor",
    Right.RUN: "your role may not set anything running; ask an approver",
    Right.MANAGE: "only an administrator may do that",
}

OPERATOR: Final = Actor(None, "operator", frozenset(Right))
"""Whoever has the command line, and the engine itself."""

NOBODY: Final = Actor(None, "nobody", frozenset())
"""A visitor who did not sign in."""
