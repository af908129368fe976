"""The command that lets go of old journal and events."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from designer import terminal
from engine.terms import parse_duration
from engine.wiring import Wiring


def prune_command(wire: Callable[[str | None], Wiring]) -> Callable[..., None]:
    """Make the command; ``wire`` connects an engine to a database."""

    def prune(
        journal: Annotated[
            str | None, typer.Option(metavar="AGE", help="Steps whose enrollment ended longer ago, such as 400d.")
        ] = None,
        events: Annotated[
            str | None, typer.Option(metavar="AGE", help="Events that came longer ago and that nothing asks for.")
        ] = None,
        archive: Annotated[
            Path | None, typer.Option(metavar="FOLDER", file_okay=False, help="Write them there first.")
        ] = None,
        db: Annotated[str | None, typer.Option("--db", metavar="URL", help="The database.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
    ) -> None:
        """Let go of old steps and events now; without --journal and --events as the settings say."""
        from engine.api import pruning  # noqa: PLC0415 - starting up takes no time

        ages = []
        for said, name in ((journal, "--journal"), (events, "--events")):
            try:
                ages.append(None if said is None else parse_duration(said))
            except ValueError as fault:
                raise typer.BadParameter(str(fault), param_hint=name) from None
        wiring = wire(db)
        with terminal.progress("rows") as told:
            done = pruning.prune(wiring, ages[0], ages[1], archive, told)
        words = "everything is kept; say --journal AGE or --events AGE, or set DRIPLINE_KEEP_JOURNAL"
        if done is not None:
            words = f"{done.journal:,} journal rows with {done.steps:,} steps and {done.events:,} events are gone"
        terminal.tell({} if done is None else done.as_json(), as_json, words)

    return prune
