import json
import os
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.store.leases import holders
from engine.store.session import Store
from tests.support.engines import WELCOME

PROGRAM = str(Path(sys.executable).parent / "dripline")


def call(*words: str, db: str, code: int = 0) -> str:
    environment = {**os.environ, "DRIPLINE_DB": db}
    done = subprocess.run([PROGRAM, *words], check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextmanager
def serving(words: Sequence[str], folder: Path, db: str) -> Iterator["subprocess.Popen[str]"]:
    environment = {**os.environ, "DRIPLINE_DB": db}
    command = [PROGRAM, *words]
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def free_port() -> int:
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return str(answer.read().decode())


def first_visit(port: int) -> urllib.request.OpenerDirector:
    """Come as the first visitor of this machine, who makes the owner, and stay signed in."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    form = {"name": "Ada", "email": "ada@example.com", "password": "four words are enough"}
    address = f"http://127.0.0.1:{port}/welcome"
    with browser.open(address, urllib.parse.urlencode(form).encode(), timeout=20) as answer:
        assert answer.status == 200
    return browser


def wait_for(port: int, path: str, process: "subprocess.Popen[str]") -> str:
    """Ask until there is an answer; the machine may be slow."""
    for _ in range(600):
        try:
            return get(port, path)
        except OSError:
            still_running(process)
    return get(port, path)


def still_running(process: "subprocess.Popen[str]") -> None:
    """Give a process a moment, and see that it does not end."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)


def test_faults_are_one_sentence_without_a_traceback(tmp_path: Path) -> None:
    said = call("flows", db="sqlite:////nowhere/at/all.db", code=3)
    assert said == "dripline: the database refused: unable to open database file\n"
    said = call("flows", db="mysql://localhost/x", code=3)
    assert said.startswith("dripline: 'mysql' is not supported")
    assert call("journal", "nobody", db=f"sqlite:///{tmp_path}/x.db", code=1).count("\n") == 1


@pytest.mark.timeout(180)
def test_serve_runs_flows_and_stops_when_it_is_told(tmp_path: Path) -> None:
    db, port = f"sqlite:///{tmp_path}/serve.db", free_port()
    (tmp_path / "welcome.flow.json").write_text(json.dumps(WELCOME), encoding="utf-8")
    (tmp_path / "people.csv").write_text("id,email\nann,ann@example.com\n", encoding="utf-8")
    call("import", str(tmp_path / "welcome.flow.json"), db=db)
    call("publish", "welcome", db=db)
    call("contacts", "import", str(tmp_path / "people.csv"), db=db)
    with serving(["serve", "--port", str(port)], tmp_path, db) as process:
        assert json.loads(wait_for(port, "/health", process))["database"] == "ok"
        call("enroll", "welcome", "ann", db=db)
        browser = first_visit(port)
        for _ in range(600):
            with browser.open(f"http://127.0.0.1:{port}/inbox", timeout=20) as answer:
                page = answer.read().decode()
            if "ann@example.com" in page:
                break
            still_running(process)
        assert "ann@example.com" in page
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) in (0, -signal.SIGTERM)


@pytest.mark.timeout(180)
def test_a_worker_answers_for_its_health_and_stops_when_it_is_told(postgresql_store: Store, tmp_path: Path) -> None:
    db, port = postgresql_store.engine.url.render_as_string(hide_password=False), free_port()
    with serving(["worker", "--port", str(port)], tmp_path, db) as process:
        told = json.loads(wait_for(port, "/health", process))
        assert (told["ok"], f"/{process.pid}/" in told["worker"]) == (True, True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    with postgresql_store.read() as connection:
        assert holders(connection) == {told["worker"]: False}


def test_one_file_has_no_workers(tmp_path: Path) -> None:
    assert "one writer" in call("worker", db=f"sqlite:///{tmp_path}/x.db", code=3)
