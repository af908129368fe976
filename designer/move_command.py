"""The command that moves contacts on the way to the newest version of their flow."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from designer import terminal
from engine.wiring import Wiring

NOBODY: Final = "nobody is on an older version"


def move_command(wire: Callable[[str | None], Wiring]) -> Callable[..., None]:
    """Make the command; ``wire`` connects an engine to a database."""

    def move(
        flow: Annotated[str, typer.Argument(metavar="FLOW", help="Key of a flow.")],
        number: Annotated[int | None, typer.Option("--from", metavar="N", help="Only those of this version.")] = None,
        mapped: Annotated[
            list[str] | None,
            typer.Option("--map", metavar="OLD=NEW", help="Where those at a node go; OLD= stay, OLD=!exit leave."),
        ] = None,
        only_tell: Annotated[bool, typer.Option("--preview", help="Only tell what would happen.")] = False,
        undo: Annotated[bool, typer.Option("--undo", help="Take the last move back.")] = False,
        db: Annotated[str | None, typer.Option("--db", metavar="URL", help="The database.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
    ) -> None:
        """Move contacts on the way to the newest version of a flow, or take that back."""
        from engine.api import changeover  # noqa: PLC0415 - starting up takes no time

        wiring, chosen = wire(db), dict(_pair(each) for each in mapped or ())
        if undo:
            taken = changeover.undo(wiring, flow)
            found: Any = {"back": taken.back, "stay": taken.stay}
        elif only_tell:
            groups = changeover.preview(wiring, flow, chosen).groups
            found = [_row(each) for each in groups if number in (None, each.version)]
        else:
            moved = changeover.change_over(wiring, flow, chosen, number)
            found = {"moved": moved.moved, "left": moved.left}
        if as_json:
            terminal.say_json(found)
        elif isinstance(found, dict):
            counts = ", ".join(f"{name}: {count:,}" for name, count in found.items())
            terminal.say(counts)
        else:
            _say(found)

    return move


def _pair(text: str) -> tuple[str, str]:
    old, sign, new = text.partition("=")
    if not sign or not old:
        raise typer.BadParameter("say OLD=NEW: the node where they rest, and the one where they go", param_hint="--map")
    return old, new


def _row(each: Any) -> dict[str, Any]:
    return {
        "version": each.version,
        "node": each.node,
        "contacts": each.contacts,
        "what": each.fate,
        "to": each.target or "",
    }


def _say(rows: list[dict[str, Any]]) -> None:
    if rows:
        terminal.say_table(rows)
    else:
        terminal.say(NOBODY)
