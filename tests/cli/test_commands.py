import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

import app
from designer.access_commands import ROLES
from engine.access.rights import Role
from engine.errors import EngineError, StoreError
from tests.law.sources import ROOT
from tests.support.engines import WELCOME

Run = Callable[..., "Said"]


@pytest.fixture
def run(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run commands on one database, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRIPLINE_DB", address)
    monkeypatch.setattr(app, "_given", {})
    return _run


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run commands where there is no database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRIPLINE_DB", "sqlite:///here.db")
    monkeypatch.setattr(app, "_given", {})
    return _run


class Said(NamedTuple):
    stdout: str
    stderr: str = ""


def _run(*words: str, code: int = 0) -> Said:
    try:
        result = CliRunner().invoke(app.cli, list(words), catch_exceptions=False)
    except EngineError as fault:
        # The command line's main makes a sentence and an exit code of it.
        given = 3 if isinstance(fault, StoreError) else 1
        said = Said(fault.message)
    else:
        given, said = result.exit_code, Said(result.stdout, result.stderr)
    assert given == code, said
    return said


def write(name: str, value: object) -> Path:
    path = Path(name)
    path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def lines(result: "Said") -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_from_a_file_to_a_journal(run: Run) -> None:
    flow = write("welcome.flow.json", WELCOME)
    assert "welcome" in run("import", str(flow)).stdout
    assert "version 1 is live" in run("publish", "welcome").stdout
    people = write("people.csv", "id,email,name\nann,ann@example.com,Ann\nbob,not an address,Bob\n,x@example.com,X\n")
    result = run("contacts", "import", str(people), code=1)
    assert "1 new" in result.stdout
    assert "line 3" in result.stderr
    calls = [
        {"userId": "ann", "event": "signed_up", "messageId": "m1", "timestamp": "2026-03-02T09:00:00Z"},
        {"userId": "ann"},
    ]
    events = write("events.jsonl", "\n".join(map(json.dumps, calls)))
    assert "1 taken, 0 known before, 1 refused" in run("events", "import", str(events), code=1).stdout
    assert "0 taken, 1 known before" in run("events", "import", str(events), code=1).stdout
    done = json.loads(run("tick", "--now", "2026-03-02T09:00:30Z", "--json").stdout)
    assert (done["steps"], done["sent"]) == (2, 1)
    assert [line.get("node") for line in lines(run("journal", "ann"))] == ["start", "hello", "hello"]
    run("tick", "--now", "2026-03-03T10:00:00Z")
    told = lines(run("journal", "welcome", "--contact", "ann"))
    assert told[-1] == {"at": "2026-03-03T10:00:00Z", "contact": "ann", "enrollment": 1, "end": "completed"}
    assert told == lines(run("journal", "welcome"))
    (row,) = json.loads(run("flows", "--json").stdout)
    assert (row["flow"], row["state"], row["entered"], row["completed"]) == ("welcome", "live", 1, 1)
    exported = run("contacts", "export").stdout
    assert exported.splitlines()[0].startswith("id,email,phone")
    assert "ann@example.com" in exported


def test_pause_and_resume_tell_the_backlog(run: Run) -> None:
    run("import", str(write("welcome.flow.json", WELCOME)))
    run("publish", "welcome")
    run("contacts", "import", str(write("people.csv", "id,email\nann,ann@example.com\nbob,bob@example.com\n")))
    assert "2 of 2 came in" in run("enroll", "welcome", "--all").stdout
    assert json.loads(run("enroll", "welcome", "ann", "nobody", "--json", code=1).stdout)["unknown"] == ["nobody"]
    run("pause", "welcome")
    assert "was paused already" in run("pause", "welcome").stdout
    shown = run("resume", "welcome").stdout
    assert "less than 1 h" in shown
    assert "--send, --drop or --spread" in shown
    run("resume", "welcome", "--send", "--drop", code=2)
    run("resume", "welcome", "--spread", "soon", code=2)
    facts = json.loads(run("resume", "welcome", "--spread", "2h", "--json").stdout)
    assert facts["resumed"] is True
    assert facts["backlog"] == [{"due for": "less than 1 h", "contacts": 0, "messages": 2}]


def test_what_is_refused_is_said_in_a_sentence(run: Run) -> None:
    assert "there is no flow 'nothing'" in run("publish", "nothing", code=1).stdout
    assert "there is no contact" in run("journal", "nobody", code=1).stdout
    assert "is not live" in run("enroll", "nothing", "ann", code=1).stdout
    wrong = {**WELCOME, "edges": []}
    run("import", str(write("wrong.flow.json", wrong)))
    run("publish", "welcome", code=1)
    run("tick", "--now", "yesterday", code=2)


def test_check_tells_everything_and_makes_no_database(run_here: Run) -> None:
    good = write("good.flow.json", WELCOME)
    bad = write(
        "bad.flow.json", {**WELCOME, "colour": 1, "nodes": [*WELCOME["nodes"], {"id": "x", "type": "wait.dely"}]}
    )
    assert "nothing to mend" in run_here("check", str(good)).stdout
    result = run_here("check", str(good), str(bad), code=1)
    assert "bad.flow.json: colour: unknown key" in result.stdout
    assert "did you mean wait.delay?" in result.stdout
    found = json.loads(run_here("check", str(bad), "--json", code=1).stdout)
    assert {"colour", "nodes[7].type"} <= {each["path"] for each in found}
    assert not Path("here.db").exists()


def test_shipped_flows_are_sound_and_known_by_their_keys(run_here: Run) -> None:
    files = sorted(map(str, (ROOT / "flows").glob("*.flow.json")))
    found = json.loads(run_here("check", *files, "--json").stdout)
    # Together they know each other.
    assert [each for each in found if each["level"] == "error" or each["code"] == "unknown.flow"] == []
    run_here("import", "trial-day1-8")
    assert "version 1 is live" in run_here("publish", "trial-day1-8").stdout


def test_a_simulation_repeats_itself_and_stores_nothing(run_here: Run) -> None:
    flow = write("welcome.flow.json", WELCOME)
    common = (
        "simulate",
        str(flow),
        "--contacts",
        "40",
        "--days",
        "5",
        "--start",
        "2026-03-02T00:00:00Z",
        "--seed",
        "3",
    )
    first = run_here(*common, "--journal", "one.jsonl", "--json").stdout
    assert run_here(*common, "--journal", "two.jsonl", "--json").stdout == first
    assert Path("one.jsonl").read_bytes() == Path("two.jsonl").read_bytes()
    report = json.loads(first)
    assert report["flow"] == "welcome"
    assert (
        sum(report["enrollments"]["ended"].values()) + report["enrollments"]["active"]
        == report["enrollments"]["entered"]
    )
    assert "messages" in run_here(*common).stdout
    assert not Path("here.db").exists()


def test_a_simulation_of_files(run_here: Run) -> None:
    flow = write("welcome.flow.json", WELCOME)
    people = write("people.csv", "id,email\nann,ann@example.com\nbob,\n")
    call = {"type": "track", "userId": "ann", "event": "used", "timestamp": "2026-03-02T10:00:00Z"}
    events = write("events.jsonl", json.dumps(call))
    options = ("--contacts", str(people), "--events", str(events), "--start", "2026-03-02T00:00:00Z", "--days", "2")
    run_here("simulate", str(flow), *options, "--journal", "out.jsonl")
    told = [json.loads(line) for line in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["contact"], line["node"], line.get("reason")) for line in told if "message" in line] == [
        ("ann", "hello", None),
        ("bob", "hello", "no_address"),
        ("ann", "thanks", None),
        ("bob", "nudge", "no_address"),
    ]
    run_here("simulate", "nowhere.json", code=1)
    run_here("simulate", str(flow), "--contacts", "many", code=2)


def test_write_keys(run: Run) -> None:
    made = json.loads(run("keys", "create", "web", "--json").stdout)
    assert made["key"].startswith("dlw_")
    assert made["key"] not in run("keys", "list").stdout
    run("keys", "revoke", made["id"])
    (row,) = json.loads(run("keys", "list", "--json").stdout)
    assert row["revoked"] is not None
    run("keys", "revoke", "nothing", code=1)


def test_the_doctor_and_the_workspace(run_here: Run) -> None:
    assert "all 17 hold" in run_here("doctor").stdout
    facts = json.loads(run_here("workspace", "--timezone", "Asia/Shanghai", "--set", '{"frequency_cap": null}').stdout)
    assert facts["timezone"] == "Asia/Shanghai"
    run_here("workspace", "--set", "{", code=2)
    run_here("workspace", "--timezone", "Mars", code=1)


def test_the_database_may_be_named_before_or_after(run_here: Run) -> None:
    run_here("--db", "sqlite:///before.db", "flows")
    run_here("flows", "--db", "sqlite:///after.db")
    assert {path.name for path in Path().glob("*.db")} == {"before.db", "after.db"}


def test_export_is_what_was_imported(run: Run) -> None:
    run("import", str(write("welcome.flow.json", WELCOME)))
    assert json.loads(run("export", "welcome").stdout) == WELCOME
    run("export", "welcome", "--out", "out.json")
    assert json.loads(Path("out.json").read_text(encoding="utf-8")) == WELCOME


def test_every_command_is_on_the_page() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    groups = {group.name: group.typer_instance for group in app.cli.registered_groups}
    names = [command.name or command.callback.__name__ for command in app.cli.registered_commands if command.callback]
    for group, commands in groups.items():
        names += [f"{group} {command.name}" for command in commands.registered_commands if commands]  # type: ignore[union-attr]
    assert len(names) > 20
    assert [name for name in names if f"`dripline {name}" not in page] == []


def test_an_experiment_is_told_and_frozen(run: Run) -> None:
    variants = [{"key": "a"}, {"key": "b"}]
    nodes = [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "ab", "type": "split.ab", "config": {"variants": variants, "goal": {"event": "bought"}}},
    ]
    flow = {"dripline": 1, "key": "test", "name": "Test", "nodes": nodes, "edges": [{"from": "start", "to": "ab"}]}
    run("import", str(write("test.flow.json", flow)))
    run("publish", "test")
    assert "nobody has come" in run("experiment", "test").stdout
    call = {"userId": "ann", "event": "signed_up", "messageId": "m1", "timestamp": "2026-03-02T09:00:00Z"}
    run("contacts", "import", str(write("people.csv", "id,email\nann,ann@example.com\n")))
    run("events", "import", str(write("events.jsonl", json.dumps(call))))
    run("tick", "--now", "2026-03-02T09:00:30Z")
    told = run("experiment", "test").stdout
    assert "no winner yet" in told
    assert "waits: too few contacts in a variant" in told
    assert run("experiment", "test", "--freeze", code=2).stdout == ""
    (report,) = json.loads(run("experiment", "test", "--node", "ab", "--freeze", "--json").stdout)
    assert (report["state"], [each["act"] for each in report["decisions"]]) == ("frozen", ["frozen"])
    assert "frozen by hand" in run("experiment", "test").stdout


def test_contacts_move_to_a_new_version_and_back(run: Run) -> None:
    def drawn(wait: str) -> Path:
        nodes = [
            {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
            {"id": wait, "type": "wait.delay", "config": {"duration": "3d"}},
        ]
        edges = [{"from": "start", "to": wait}]
        return write("test.flow.json", {"dripline": 1, "key": "test", "name": "Test", "nodes": nodes, "edges": edges})

    run("import", str(drawn("rest")))
    run("publish", "test")
    call = {"userId": "ann", "event": "signed_up", "messageId": "m1", "timestamp": "2026-03-02T09:00:00Z"}
    run("contacts", "import", str(write("people.csv", "id,email\nann,ann@example.com\n")))
    run("events", "import", str(write("events.jsonl", json.dumps(call))))
    run("tick", "--now", "2026-03-02T09:00:30Z")
    assert "nobody is on an older version" in run("move", "test", "--preview").stdout
    run("import", str(drawn("other")))
    run("publish", "test")
    (group,) = json.loads(run("move", "test", "--preview", "--json").stdout)
    assert group == {"version": 1, "node": "rest", "contacts": 1, "what": "gone", "to": ""}
    assert "other" in run("move", "test", "--preview", "--map", "rest=other").stdout
    run("move", "test", "--map", "rest", code=2)
    assert run("move", "test", "--map", "rest=other").stdout == "moved: 1, left: 0\n"
    assert json.loads(run("move", "test", "--undo", "--json").stdout) == {"back": 1, "stay": 0}


def test_users_are_invited_and_listed(run: Run) -> None:
    link = run("users", "invite", "ada@example.com", "--name", "Ada", "--role", "editor").stdout.strip()
    assert "/invitation/" in link
    assert run("users", "invite", "ADA@example.com").stdout.strip() != link
    (ada,) = json.loads(run("users", "list", "--json").stdout)
    assert (ada["email"], ada["name"], ada["role"], ada["in"]) == ("ada@example.com", "Ada", "editor", True)
    assert tuple(Role) == ROLES
