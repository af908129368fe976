"""Put everything together, and the command line. Nobody imports this file.

Rooms are imported inside of commands: most commands need few of them, and starting up should take no time.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from designer import terminal
from designer.access_commands import access_commands
from designer.experiment_command import experiment_command
from designer.move_command import move_command
from designer.prune_command import prune_command
from designer.worker_command import worker_command
from engine.errors import EngineError, NotFound, StoreError
from engine.terms import parse_duration, parse_instant

if TYPE_CHECKING:
    from engine.api.documents import Shipped
    from engine.clock import Clock
    from engine.schedule.metronome import Metronome
    from engine.settings import Settings
    from engine.wiring import Wiring

OK, REFUSED, DATABASE = 0, 1, 3  # and 2 for a wrong call

Db = Annotated[
    str | None,
    typer.Option("--db", metavar="URL", help="sqlite:///FILE or postgresql+psycopg://…; else DRIPLINE_DB says."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
FlowKey = Annotated[str, typer.Argument(metavar="FLOW", help="Key of a flow.")]
Host = Annotated[str, typer.Option(help="Address to listen at.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen at.")]

_options: dict[str, Any] = {"no_args_is_help": True, "pretty_exceptions_enable": False}
cli = typer.Typer(
    help="Dripline: drawn marketing flows that run for real contacts.",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    **_options,
)
contacts_cli = typer.Typer(help="Import and export contacts.", **_options)
events_cli = typer.Typer(help="Import events.", **_options)
cli.add_typer(contacts_cli, name="contacts")
cli.add_typer(events_cli, name="events")
for _name, _group in access_commands(lambda db: _wire(db)).items():  # noqa: PLW0108 - it stands below
    cli.add_typer(_group, name=_name)
cli.command("experiment")(experiment_command(lambda db: _wire(db)))  # noqa: PLW0108 - it stands below
cli.command("move")(move_command(lambda db: _wire(db)))  # noqa: PLW0108 - it stands below
cli.command("prune")(prune_command(lambda db: _wire(db)))  # noqa: PLW0108 - it stands below
cli.command("worker")(worker_command(lambda db: _wire(db), lambda wiring: _run(wiring)))  # noqa: PLW0108 - it stands below

_given: dict[str, str] = {}
_open = ExitStack()
Read = TypeVar("Read")


def main() -> None:
    """Run the command line: 0 is well, 1 refused or with findings, 2 wrongly called, 3 the database."""
    try:
        cli()
    except EngineError as fault:
        terminal.fail(fault, DATABASE if isinstance(fault, StoreError) else REFUSED)
    except BrokenPipeError:
        os._exit(OK)
    except Exception as fault:
        if type(fault).__module__.split(".")[0] not in ("sqlalchemy", "psycopg", "sqlite3"):
            raise

        terminal.fail(f"the database refused: {terminal.reason(fault)}", DATABASE)


@cli.callback()
def _before(context: typer.Context, db: Db = None) -> None:
    _given.update({"db": db} if db else {})
    context.call_on_close(_open.close)


@cli.command()
def serve(host: Host = "127.0.0.1", port: Port = 8000, db: Db = None) -> None:
    """Serve pages and ingestion, and run the flows, until stopped."""
    from engine.api.tending import SECONDS, tend_pages
    from engine.schedule.metronome import Job, Metronome
    from engine.telemetry import begin_logging

    wiring = _wire(db, at=f"{host}:{port}")
    begin_logging(wiring.settings.log_level)
    counting = Job("counts", SECONDS, lambda: tend_pages(wiring))
    _listen(wiring, Metronome(wiring, more=(counting,)), host, port)


@cli.command()
def demo(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    contacts: Annotated[int, typer.Option(min=1, help="Sample contacts to begin with.")] = 2000,
    day: Annotated[float, typer.Option(min=0.1, help="Seconds that one day takes.")] = 10.0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what was before.")] = False,
    db: Db = None,
) -> None:
    """Serve sample flows and contacts on a fast clock; without --db in demo.db, here."""
    from engine.api.demo import Demo
    from engine.schedule.metronome import Job, Metronome
    from engine.telemetry import begin_logging
    from engine.wiring import with_clock

    url = db or _given.get("db") or "sqlite:///demo.db"
    for ending in ("", "-wal", "-shm") if fresh and url.startswith("sqlite:///") else ():
        Path(url.removeprefix("sqlite:///") + ending).unlink(missing_ok=True)
    wiring = _wire(url, at=f"{host}:{port}")
    begin_logging("WARNING")
    with terminal.progress("sample contacts", contacts) as told:
        sample = Demo.begin(wiring, _shipped(), contacts, speed=86_400 / day, progress=told)
    wiring = with_clock(wiring, sample.clock)
    job = Job("demo", 0.5, lambda: sample.go_on(wiring))
    _listen(wiring, Metronome(wiring, seconds=0.25, more=(job,)), host, port, is_demo=True)


def _listen(wiring: "Wiring", metronome: "Metronome", host: str, port: int, *, is_demo: bool = False) -> None:
    import uvicorn

    from designer.app import create_app
    from engine.collector import calm_collector

    rested: list[bool] = []
    app = create_app(
        wiring,
        begin=metronome.start,
        end=lambda: rested.append(metronome.stop()),
        hurry=metronome.hurry,
        shipped=_shipped(),
        is_demo=is_demo,
    )
    calm_collector()
    terminal.note(f"Dripline serves {wiring.settings.db} on http://{host}:{port}{app.state.way_in} (Ctrl+C stops it)")
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=5)
    if rested == [False]:
        # A transaction that does not end is not waited for: nothing of it is kept, and all of it is found again.
        os._exit(OK)


@cli.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", exists=True, dir_okay=False)],
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Tell everything that is wrong with flow documents and how to mend it; 1 when something is an error."""
    from engine.api import documents

    wiring, told = _wire(db, create=False), []
    for file, finding in documents.check_files(wiring, _shipped(), files):
        told.append({"file": str(file), **terminal.as_facts(finding)})
        if not as_json:
            terminal.say(f"{file}: {terminal.written(finding)}" if len(files) > 1 else terminal.written(finding))
    if as_json or not told:
        terminal.tell(told, as_json, "nothing to mend")
    raise typer.Exit(REFUSED if any(each["level"] == "error" for each in told) else OK)


@cli.command("import")
def import_(
    names: Annotated[list[str], typer.Argument(metavar="FILE…", help="Documents, or keys of shipped flows.")],
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Keep flow documents as drafts, with the message templates that they use."""
    from engine.api import documents

    wiring, shipped = _wire(db), _shipped()
    told = [asdict(documents.import_document(wiring, shipped, name)) for name in names]
    terminal.tell_rows(told, as_json)


@cli.command()
def export(
    flow: FlowKey,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; else standard output.")] = None,
    live: Annotated[bool, typer.Option("--live", help="What is live, instead of the draft.")] = False,
    db: Db = None,
) -> None:
    """Write a flow's document."""
    from engine.api import flows

    text = json.dumps(flows.export_flow(_wire(db), flow, live=live), ensure_ascii=False, indent=2) + "\n"
    sys.stdout.write(text) if out is None else out.write_text(text, encoding="utf-8")


@cli.command()
def publish(flow: FlowKey, db: Db = None, as_json: AsJson = False) -> None:
    """Make a flow's draft live; contacts who are on their way keep their version."""
    from engine.api import flows

    done = flows.publish(_wire(db), flow)
    facts = {"flow": done.key, "version": done.number, "sha256": done.digest, "new": done.is_new}
    for finding in () if as_json else done.findings:
        terminal.note(terminal.written(finding))
    words = f"{flow}: version {done.number} is live" + ("" if done.is_new else " already; nothing changed")
    terminal.tell({**facts, "findings": [terminal.as_facts(finding) for finding in done.findings]}, as_json, words)


@cli.command()
def pause(flow: FlowKey, db: Db = None) -> None:
    """Let a flow rest: nobody moves or comes in, and nothing is sent."""
    from engine.api import pausing

    terminal.say(f"{flow} is paused" if pausing.pause(_wire(db), flow) else f"{flow} was paused already")


@cli.command()
def resume(
    flow: FlowKey,
    send: Annotated[bool, typer.Option("--send", help="What came due in the pause happens now.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="It happens, but nothing of it is sent.")] = False,
    spread: Annotated[str | None, typer.Option(metavar="DURATION", help="It happens spread over so long.")] = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Show what came due in a pause, by age; with --send, --drop or --spread, go on."""
    from engine.api import pausing

    chosen = [how for how, wanted in (("send", send), ("drop", drop), ("spread", spread)) if wanted]
    if len(chosen) > 1:
        raise typer.BadParameter("choose one of --send, --drop and --spread")
    wiring, over = _wire(db), None if spread is None else _read(parse_duration, spread)
    done = pausing.resume(wiring, flow, pausing.How(chosen[0]), over) if chosen else None
    backlog = pausing.backlog(wiring, flow) if done is None else done.backlog
    ages = backlog.as_rows()
    if as_json:
        terminal.say_json({"flow": flow, "resumed": done is not None and done.changed, "backlog": ages})
        return
    terminal.say_table(ages, "nothing came due")
    if done is None:
        terminal.say("go on with --send, --drop or --spread DURATION")
    else:
        terminal.say(f"{flow} goes on" if done.changed else f"{flow} was not paused")


@cli.command("flows")
def list_flows(db: Db = None, as_json: AsJson = False) -> None:
    """List all flows and how many contacts are where."""
    from engine.api import counts

    numbers = ("active", "entered", "completed", "goal", "exit", "failed")
    rows = [
        {"flow": each.flow.key, "state": each.flow.state, "version": each.flow.number}
        | {number: getattr(each, number) for number in numbers}
        for each in counts.list_flows(_wire(db))
    ]
    terminal.tell_rows(rows, as_json, "there is no flow; dripline import FILE makes one")


@cli.command()
def enroll(
    flow: FlowKey,
    contacts: Annotated[list[str] | None, typer.Argument(metavar="KEY…", help="Keys of contacts.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", exists=True, help="File with a column id.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All contacts.")] = False,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Let contacts into a flow by hand; they move in the next tick."""
    from engine.api import enroll as enrolling

    wiring = _wire(db)
    with terminal.progress("contacts") as told:
        if everybody:
            done = enrolling.enroll_all(wiring, flow, told)
        elif csv is not None:
            with csv.open(encoding="utf-8-sig", newline="") as file:
                done = enrolling.enroll(wiring, flow, enrolling.read_keys(file), told)
        else:
            done = enrolling.enroll(wiring, flow, contacts or [], told)
    for key in done.unknown:
        terminal.note(f"there is no contact {key!r}")
    terminal.tell(done.as_json(), as_json, done.words)
    raise typer.Exit(REFUSED if done.unknown else OK)


@contacts_cli.command("import")
def import_contacts(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, allow_dash=True)],
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Take contacts over: id, email, phone, timezone, locale, tags, stage, account; other columns are attributes."""
    from engine.api import people

    wiring = _wire(db)
    refused = terminal.take_file(file, "contacts", as_json, lambda *given: people.import_contacts(wiring, *given))
    raise typer.Exit(REFUSED if refused else OK)


@contacts_cli.command("export")
def export_contacts(
    out: Annotated[Path | None, typer.Argument(metavar="FILE.csv", help="Else standard output.")] = None,
    bom: Annotated[bool, typer.Option("--bom", help="Begin with a mark by which spreadsheets know UTF-8.")] = False,
    db: Db = None,
) -> None:
    """Write all contacts as CSV that an import reads, safe to open in a spreadsheet."""
    from engine.api import people

    pieces = people.export_contacts(_wire(db), bom=bom)
    if out is None:
        sys.stdout.writelines(pieces)
        return
    with out.open("w", encoding="utf-8", newline="") as file, terminal.progress("contacts") as told:
        for number, piece in enumerate(pieces):
            file.write(piece)
            told(number * people.PAGE)


@events_cli.command("import")
def import_events(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", exists=True, dir_okay=False, allow_dash=True)],
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Take calls of the tracking API over, one JSON object a line; what was taken before counts once."""
    from engine.api import events

    wiring = _wire(db)
    refused = terminal.take_file(file, "events", as_json, lambda *given: events.import_events(wiring, *given))
    raise typer.Exit(REFUSED if refused else OK)


@cli.command()
def simulate(
    flow: Annotated[str, typer.Argument(metavar="FLOW", help="A file, or the key of a flow.")],
    contacts: Annotated[str, typer.Option(metavar="N|FILE.csv", help="How many, or who.")] = "1000",
    events: Annotated[Path | None, typer.Option(metavar="FILE.jsonl", exists=True, help="Track calls.")] = None,
    start: Annotated[str | None, typer.Option(metavar="INSTANT", help="Else the next midnight in UTC.")] = None,
    days: Annotated[float, typer.Option(metavar="N", min=0, help="How long is played.")] = 30,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same bytes.")] = 1,
    journal: Annotated[Path | None, typer.Option(metavar="OUT.jsonl", help="Write what happened.")] = None,
    behaviour: Annotated[Path | None, typer.Option(metavar="FILE.json", exists=True, help="Chances.")] = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Play a flow on a virtual clock; nothing is stored or sent."""
    from engine.api import documents, rehearsal

    wiring, shipped = _wire(db, create=False), _shipped()
    raw = documents.find_document(wiring, shipped, flow)
    documents.lend_templates(wiring, shipped, flow)
    asked = documents.rehearsal_of(
        wiring,
        shipped,
        raw,
        contacts=int(contacts) if contacts.isdigit() else _file(contacts),
        start=None if start is None else _read(parse_instant, start),
        days=days,
        seed=seed,
        events=events,
        behaviour=behaviour,
    )
    with terminal.progress("simulating", 1.0) as told:
        finder = documents.finder(wiring, shipped)
        played = rehearsal.played(wiring, raw, asked, finder, told, at_full_speed=True)
        with played as over:
            terminal.write_lines(journal, over.outcome.lines())
    report = over.outcome.report.as_json()
    terminal.say_json(report) if as_json else terminal.say_report(report)


@cli.command()
def tick(
    now: Annotated[str | None, typer.Option(metavar="INSTANT", help="Else what time it is.")] = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Run all that is due by now, hand over what is owed, and return."""
    from engine.clock import FixedClock
    from engine.schedule.work import until_quiet

    clock = None if now is None else FixedClock.of(_read(parse_instant, now))
    wiring = _wire(db, clock=clock)
    with terminal.progress("steps") as told:
        done = until_quiet(wiring, tell=told)
    terminal.tell(done.as_json(), as_json, done.words)


@cli.command("journal")
def write_journal(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Key of a flow, or of a contact.")],
    contact: Annotated[str | None, typer.Option(metavar="KEY", help="Of a flow, this contact's lines.")] = None,
    db: Db = None,
) -> None:
    """Write what happened in a flow, or to a contact, one JSON object a line."""
    from engine.api import journal

    wiring = _wire(db)
    try:
        terminal.say_lines(journal.journal_lines(wiring, key, contact))
    except NotFound:
        if contact is not None:
            raise
        terminal.say_lines(journal.contact_lines(wiring, key))


@cli.command()
def doctor(
    mend: Annotated[bool, typer.Option("--mend", help="Bring the database to this program's schema.")] = False,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Look at configuration, database, migrations, clock, mail, and at all that must always hold."""
    from engine.api import doctor as doctors

    found = doctors.examine(_settings(db), _wire_to, mend=mend)
    if as_json:
        terminal.say_json([each.as_json() for each in found])
    terminal.say_found([] if as_json else found)
    worst = {each.level for each in found}
    raise typer.Exit(DATABASE if "database" in worst else REFUSED if "wrong" in worst else OK)


@cli.command()
def workspace(
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="For contacts and flows without one.")] = None,
    settings: Annotated[str | None, typer.Option("--set", metavar="JSON", help="Settings to change.")] = None,
    db: Db = None,
) -> None:
    """Show or change the workspace: timezone; frequency_cap, quiet_hours, teams, webhooks, sms, wecom."""
    from engine.api import workspaces

    change = None if settings is None else _read(json.loads, settings)
    terminal.say_json(asdict(workspaces.change_workspace(_wire(db), timezone=timezone, settings=change)))


def _run(wiring: "Wiring") -> Callable[[], bool]:
    from engine.collector import calm_collector
    from engine.schedule.metronome import Metronome

    metronome = Metronome(wiring)
    calm_collector()
    metronome.start()
    return metronome.stop


def _settings(db: str | None) -> "Settings":
    from engine.settings import Settings

    url = db or _given.get("db")
    return Settings(db=url) if url else Settings()


def _wire(db: str | None, *, clock: "Clock | None" = None, create: bool = True, at: str = "") -> "Wiring":
    """Connect an engine; with ``create`` off, a database that is not there is not made. ``at`` is where it serves."""
    settings = _settings(db)
    file = settings.db.removeprefix("sqlite:///")
    if not create and file != settings.db and not Path(file).exists():
        settings = settings.model_copy(update={"db": "sqlite://"})
    if at and "base_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"base_url": f"http://{at}"})
    return _wire_to(settings, clock)


def _wire_to(settings: "Settings", clock: "Clock | None" = None) -> "Wiring":
    from designer.rendering.process import ConfinedRenderer
    from engine.wiring import connect

    renderer = ConfinedRenderer()
    _open.callback(renderer.close)
    wiring = connect(settings, renderer, clock=clock)
    _open.callback(wiring.store.close)
    return wiring


def _shipped() -> "Shipped":
    from engine.api.documents import read_shipped

    return read_shipped(resources.files("flows"))


def _read(read: Callable[[str], Read], text: str) -> Read:
    """Read an option's value; what is wrong with it is a wrong call."""
    try:
        return read(text)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None


def _file(name: str) -> Path:
    if Path(name).is_file():
        return Path(name)
    raise typer.BadParameter(f"{name!r} is neither a number nor a file")
