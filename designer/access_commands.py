"""Commands about who may come in: write keys, and users, for those who have the machine."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from designer import terminal

if TYPE_CHECKING:
    from engine.wiring import Wiring

Wire = Callable[[str | None], "Wiring"]
Db = Annotated[str | None, typer.Option("--db", metavar="URL", help="The database.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
ROLES: Final = ("viewer", "editor", "approver", "admin")
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Mail address of a user.")]

_OPTIONS: Final[dict[str, Any]] = {"no_args_is_help": True, "pretty_exceptions_enable": False}


def access_commands(wire: Wire) -> Mapping[str, typer.Typer]:
    """Make the groups of commands by their names; ``wire`` connects an engine to a database."""
    keys = typer.Typer(help="Write keys, with which events are sent.", **_OPTIONS)
    users = typer.Typer(help="Users, who sign in to the designer.", **_OPTIONS)
    _keys(keys, wire)
    _users(users, wire)
    return {"keys": keys, "users": users}


def _keys(group: typer.Typer, wire: Wire) -> None:
    @group.command("create")
    def create(
        name: Annotated[str, typer.Argument(metavar="NAME", help="What will send with it.")],
        db: Db = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a write key; it is shown this once."""
        from engine.api import keys  # noqa: PLC0415 - starting up takes no time

        made = keys.create_key(wire(db), name)
        terminal.tell({"id": made.id, "name": made.name, "key": made.key}, as_json, made.key)

    @group.command("list")
    def list_all(db: Db = None, as_json: AsJson = False) -> None:
        """List the write keys, without what is secret of them."""
        from engine.api import keys  # noqa: PLC0415 - as above

        rows = [each.as_json() for each in keys.list_keys(wire(db))]
        terminal.tell_rows(rows, as_json, "there is no write key; dripline keys create NAME makes one")

    @group.command("revoke")
    def revoke(key: Annotated[str, typer.Argument(metavar="ID")], db: Db = None) -> None:
        """Make a write key invalid at once."""
        from engine.api import keys  # noqa: PLC0415 - as above

        keys.revoke_key(wire(db), key)
        terminal.say(f"{key} is revoked")


def _users(group: typer.Typer, wire: Wire) -> None:
    @group.command("invite")
    def invite(
        email: Email,
        name: Annotated[str | None, typer.Option(help="The user's name; else the address.")] = None,
        role: Annotated[str, typer.Option(metavar="|".join(ROLES), help="What they may do.")] = ROLES[-1],
        db: Db = None,
    ) -> None:
        """Make a user, or a new password for one that is there; give the address at which they choose it."""
        from engine.api import users  # noqa: PLC0415 - as above
        from engine.api.acting import Role  # noqa: PLC0415
        from engine.clock import RealClock  # noqa: PLC0415

        if role not in ROLES:
            raise typer.BadParameter(f"a role is one of {', '.join(ROLES)}")
        wiring = wire(db)
        known = next((each for each in users.list_users(wiring) if each.email == email.strip().lower()), None)
        if known is None:
            word = users.invite_user(wiring, RealClock(), email, name or email, Role(role))
        else:
            word = users.invite_again(wiring, RealClock(), known.id)
        terminal.say(f"{wiring.settings.base_url}/invitation/{word}")

    @group.command("list")
    def list_all(db: Db = None, as_json: AsJson = False) -> None:
        """List the users and what they may do."""
        from engine.api import users  # noqa: PLC0415 - as above

        rows = [
            {"id": each.id, "email": each.email, "name": each.name, "role": each.role.value, "in": not each.disabled_at}
            for each in users.list_users(wire(db))
        ]
        terminal.tell_rows(rows, as_json, "there is no user; the first visitor makes the owner")
