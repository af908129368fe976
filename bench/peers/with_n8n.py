"""n8n: an execution per contact, kept in its database at its start, at the wait and at its end.

One workflow calls another one for each contact and does not wait for it: of n8n's own ways in the cheapest.
"""

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import sqlalchemy as sa

from bench.peers.installing import Missing, node_program
from bench.peers.work import message_of, people

VERSION: Final = "2.8.4"
"""The newest that runs with Node 20."""

OTHERS: Final = {"xlsx": "0.18.5"}
"""For spreadsheets, which are not in the flow; n8n names an address outside npm."""

PATIENCE: Final = 300
LOOK: Final = 0.05
MESSAGES: Final = {"hello", "welcome"}
KEPT: Final = """
SELECT data FROM execution_data JOIN execution_entity ON id = "executionId"
WHERE execution_entity."workflowId" = 'one' AND status = 'success'
"""

SETTINGS: Final = {
    "EXECUTIONS_DATA_PRUNE": "false",
    "EXECUTIONS_DATA_SAVE_ON_SUCCESS": "all",
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_DISABLE_UI": "true",
    "N8N_DYNAMIC_BANNERS_ENABLED": "false",
    "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
    "N8N_LISTEN_ADDRESS": "127.0.0.1",
    "N8N_LOG_LEVEL": "error",
    "N8N_PERSONALIZATION_ENABLED": "false",
    # Code nodes would need a runner; there are none, so none is started.
    "N8N_RUNNERS_AUTH_TOKEN": "nobody",
    "N8N_RUNNERS_MODE": "external",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "NODE_ENV": "production",
}


def run(url: str, contacts: int) -> float:
    """Carry so many contacts and give the seconds it took.

    Errors: ``Missing``.
    """
    program = node_program("n8n", VERSION, "n8n", OTHERS)
    with tempfile.TemporaryDirectory(prefix="dripline-n8n-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), _free_port()
        engine, database = _database(url, folder)
        own = {"N8N_USER_FOLDER": name, "N8N_PORT": str(port), "N8N_RUNNERS_BROKER_PORT": str(_free_port())}
        settings = {**os.environ, **SETTINGS, **database, **own}
        try:
            _draw(program, settings, folder / "flows.json")
            with _served(program, settings, folder / "said") as server:
                since = _enter(server, f"http://127.0.0.1:{port}/webhook/all", contacts)
                seconds = _carry(server, engine, contacts, since)
            _check(engine, contacts)
        finally:
            engine.dispose()
    return seconds


def _database(url: str, folder: Path) -> tuple[sa.Engine, dict[str, str]]:
    """Give the database that it is to use, and the settings that say so: a file of its own, a schema beside ours."""
    address = sa.make_url(url)
    if not url.startswith("postgresql"):
        return sa.create_engine(f"sqlite:///{folder / '.n8n' / 'database.sqlite'}"), {}
    engine = sa.create_engine(address, connect_args={"options": "-c search_path=n8n"})
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA n8n"))
    # Its own choice are two connections at a time.
    told = {
        "HOST": address.host or address.query.get("host"), "PORT": address.port, "USER": address.username,
        "PASSWORD": address.password, "DATABASE": address.database, "SCHEMA": "n8n", "POOL_SIZE": 10,
    }  # fmt: skip
    named = {f"DB_POSTGRESDB_{name}": str(value) for name, value in told.items() if value is not None}
    return engine, {"DB_TYPE": "postgresdb", **named}


def _free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


# ---------------------------------------------------------------- the server


def _draw(program: Path, settings: dict[str, str], file: Path) -> None:
    flows = [_all(), _one()]
    file.write_text(json.dumps(flows), encoding="utf-8")
    for command in (
        ["import:workflow", f"--input={file}"],
        *(["publish:workflow", f"--id={each['id']}"] for each in flows),
    ):
        done = subprocess.run(
            [str(program), *command], env=settings, check=False, capture_output=True, text=True, timeout=PATIENCE
        )
        if done.returncode:
            raise Missing(f"{command[0]} ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")


@contextmanager
def _served(program: Path, settings: dict[str, str], said: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with (
        said.open("wb") as output,
        subprocess.Popen([str(program), "start"], env=settings, stdout=output, stderr=output) as server,
    ):
        try:
            yield server
        finally:
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()


def _looks(server: "subprocess.Popen[bytes]") -> Iterator[None]:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        yield
        time.sleep(LOOK)


def _enter(server: "subprocess.Popen[bytes]", address: str, contacts: int) -> float:
    """Let everybody in, as soon as it takes somebody, and tell since when."""
    everybody = {"people": list(people(contacts))}
    for _ in _looks(server):
        since = time.perf_counter()
        try:
            # While it starts it says so, and that with 200.
            if "Workflow was started" in httpx.post(address, json=everybody, timeout=60, trust_env=False).text:
                return since
        except httpx.TransportError:
            pass
    raise Missing("it did not start")


def _carry(server: "subprocess.Popen[bytes]", engine: sa.Engine, contacts: int, since: float) -> float:
    """Give the seconds until all have ended, without those in which all that are left wait.

    Timers that are due are looked for once a minute; nobody is to wait for that.
    """
    # One execution more than contacts: that of the workflow that calls the other one.
    seconds, waited, states = 0.0, False, dict[str, int]()
    for _ in _looks(server):
        states, now = _states(engine), time.perf_counter()
        rests = "waiting" in states and states["waiting"] + states.get("success", 0) == contacts + 1
        if states == {"success": contacts + 1} and waited:
            return seconds + now - since
        if not states.keys() <= {"new", "running", "waiting", "success"}:
            break
        waited |= rests
        seconds += 0 if rests else now - since
        since = now
    raise Missing(f"it did not end: {states}")


def _states(engine: sa.Engine) -> dict[str, int]:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT status, count(*) FROM execution_entity GROUP BY status"))
        return {str(status): int(count) for status, count in rows}


def _check(engine: sa.Engine, contacts: int) -> None:
    """Compare what is kept of each contact with what is to be: the message, and that it came to the end."""
    wanted = {person["key"]: {message_of(person), "end"} for person in people(contacts)}
    found: dict[str, set[str]] = {}
    with engine.connect() as connection:
        for data in connection.scalars(sa.text(KEPT)):
            # A list of all texts in it, each once: values, and the names of nodes that led to another one.
            words = {each for each in json.loads(data) if isinstance(each, str)}
            found |= {key: words & {*MESSAGES, "end"} for key in words & wanted.keys()}
    if found != wanted:
        raise Missing(f"{sum(found.get(key) == words for key, words in wanted.items())} of {contacts} went right")


# ---------------------------------------------------------------- the workflows


def _all() -> dict[str, Any]:
    """Draw what calls the other workflow for everybody."""
    calls = {"workflowId": {"__rl": True, "mode": "id", "value": "one"}, "mode": "each",
             "options": {"waitForSubWorkflow": False}}  # fmt: skip
    return _flow(
        "all",
        _node("enter", "webhook", 2, [["each"]], httpMethod="POST", path="all", responseMode="onReceived"),
        _node("each", "splitOut", 1, [["call"]], fieldToSplitOut="body.people"),
        _node("call", "executeWorkflow", 1.2, [], **calls),
    )


def _one() -> dict[str, Any]:
    """Draw the flow: enters → rule → split → message → wait → end."""
    # For a call, or until a time that is past: a wait by the clock alone stays in memory when it is under 65 s.
    timer = {"resume": "webhook", "limitWaitTime": True, "limitType": "atSpecifiedTime",
             "maxDateAndTime": "2020-01-01T00:00:00"}  # fmt: skip
    share = "={{ parseInt($json.key.hash('sha256').slice(0, 8), 16) % 10000 }}"
    return _flow(
        "one",
        _node("enters", "executeWorkflowTrigger", 1.1, [["rule"]], inputSource="passthrough"),
        _node("rule", "if", 2.2, [["split"], ["split"]], **_if("={{ $json.plan }}", "equals", "trial", "string")),
        _node("split", "if", 2.2, [["hello"], ["welcome"]], **_if(share, "lt", 5_000, "number")),
        *(_node(each, "set", 3.4, [["wait"]], **_sets("owed", each)) for each in sorted(MESSAGES)),
        _node("wait", "wait", 1.1, [["end"]], **timer),
        _node("end", "noOp", 1, []),
    )


def _flow(name: str, *nodes: dict[str, Any]) -> dict[str, Any]:
    links = {
        each["id"]: {"main": [[{"node": node, "type": "main", "index": 0} for node in way] for way in each.pop("ways")]}
        for each in nodes
    }
    return {"id": name, "name": name, "nodes": nodes, "connections": links, "settings": {"executionOrder": "v1"}}


def _node(name: str, kind: str, version: float, ways: list[list[str]], **settings: Any) -> dict[str, Any]:
    return {
        "id": name, "name": name, "type": f"n8n-nodes-base.{kind}", "typeVersion": version, "position": [0, 0],
        "parameters": settings, "ways": ways, "webhookId": name,
    }  # fmt: skip


def _if(left: str, operation: str, right: object, kind: str) -> dict[str, Any]:
    rule = {"id": "1", "leftValue": left, "rightValue": right, "operator": {"type": kind, "operation": operation}}
    options = {"caseSensitive": True, "typeValidation": "strict", "version": 2}
    return {"conditions": {"options": options, "combinator": "and", "conditions": [rule]}}


def _sets(name: str, value: str) -> dict[str, Any]:
    return {"assignments": {"assignments": [{"id": "1", "name": name, "value": value, "type": "string"}]}}
