"""The line of the peers: contact-steps a second of ours and of each peer, in the same run on the same machine."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from sqlalchemy import make_url

from bench import executor
from bench.databases import Databases, version_of
from bench.peers import installing, with_n8n, with_node_red
from bench.peers.installing import Missing
from bench.peers.work import STEPS
from bench.results import Result

MUST: Final = 100
"""So many times the fastest durable peer."""

OURS: Final = 200_000
"""With so many contacts ours runs at most: the rate does not depend on it, and peers have a minute each."""

PATIENCE: Final = 600


@dataclass(frozen=True)
class Peer:
    """A peer: with how many contacts it runs, on which databases, and whether a crash leaves each contact in place."""

    name: str
    contacts: int
    grains: tuple[str, ...]
    databases: tuple[str, ...]
    durable: bool = True


PEERS: Final = (
    Peer("APScheduler", 6_000, ("rest", "step"), ("sqlite", "postgresql")),
    Peer("procrastinate", 4_000, ("rest", "step"), ("postgresql",)),
    Peer("DBOS", 2_000, ("rest", "step"), ("sqlite", "postgresql")),
    Peer("n8n", 1_000, ("rest",), ("sqlite", "postgresql")),
    Peer("Node-RED", 100_000, ("memory",), ("sqlite",), durable=False),
)


def peers(databases: Databases, contacts: int) -> Result:
    """Let ours and the peers do the same work, one after the other, each on a database of its own."""
    few = min(1.0, contacts / 100_000)
    ours = [_ours(databases, min(contacts, OURS)) for _ in range(3)]
    found: list[Result] = []
    for peer in PEERS:
        if databases.kind in peer.databases:
            found += [_peer(databases, peer, grain, max(100, int(peer.contacts * few))) for grain in peer.grains]
    durable = [each["steps_per_second"] for each in found if each["durable"] and "steps_per_second" in each]
    best = max(durable, default=0.0)
    ratio = median(ours) / best if best else 0.0
    return {
        "says": "the same flow by what keeps a job, workflow or message per contact",
        "version": version_of(databases),
        "unit": "steps/s",
        "ours": ours,
        "peers": found,
        "ratio": ratio,
        "ours_text": f"{median(ours):,.0f} steps/s",
        "floor_text": ", ".join(map(_told, found)),
        "ratio_text": f"{ratio:.0f} times",
        "must_text": f"≥ {MUST} times the fastest durable",
        "passed": ratio >= MUST,
    }


def _told(found: Result) -> str:
    kept = "" if found["durable"] else ", not durable"
    if "missing" in found:
        return f"{found['peer']}: not to be had here"
    return f"{found['peer']} ({found['grain']}{kept}) {found['steps_per_second']:,.0f}"


def _ours(databases: Databases, contacts: int) -> float:
    name = f"executor_{contacts}"
    databases.template(name, lambda store: executor.prepare(store, contacts))
    url = databases.copy(name)
    try:
        rate = executor.carry(url, contacts).rate
    finally:
        databases.drop(url)
    print(f"  peers {databases.kind} ours {rate:14,.0f} steps/s", flush=True)
    return rate


def _peer(databases: Databases, peer: Peer, grain: str, contacts: int) -> Result:
    found: Result = {"peer": peer.name, "grain": grain, "contacts": contacts, "durable": peer.durable}
    databases.template("bare", lambda store: None)
    url = databases.copy("bare")
    try:
        seconds = _RUN.get(peer.name, _with_python)(peer, url, contacts, grain)
        found |= {"seconds": seconds, "steps_per_second": STEPS * contacts / seconds}
    except (Missing, subprocess.SubprocessError) as fault:
        found["missing"] = str(fault)
    finally:
        databases.drop(url)
    said = found.get("missing") or f"{found['steps_per_second']:14,.0f} steps/s, {found['seconds']:.1f} s"
    print(f"  peers {databases.kind} {peer.name} {grain}: {said}", flush=True)
    return found


_CALL: Final = "from bench.peers.with_{} import main; main()"
"""Not as the program itself: jobs are stored by the name of the module of their function."""


def _with_python(peer: Peer, url: str, contacts: int, grain: str) -> float:
    program = installing.python()
    kind = "postgresql" if url.startswith("postgresql") else "sqlite"
    # Each takes its own driver's address; procrastinate hands it to psycopg as it is.
    driver = {"DBOS": kind, "procrastinate": kind}.get(peer.name, make_url(url).drivername)
    address = make_url(url).set(drivername=driver).render_as_string(hide_password=False)
    done = subprocess.run(
        [str(program), "-W", "ignore", "-c", _CALL.format(peer.name.lower()), address, str(contacts), grain],
        cwd=Path(__file__).resolve().parents[2],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    if done.returncode:
        sys.stderr.write(done.stderr[-2_000:])
        raise Missing(f"it ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    return float(json.loads(done.stdout.strip().splitlines()[-1])["seconds"])


_RUN: Final[dict[str, Callable[[Peer, str, int, str], float]]] = {
    "n8n": lambda peer, url, contacts, grain: with_n8n.run(url, contacts),
    "Node-RED": lambda peer, url, contacts, grain: with_node_red.run(contacts),
}
