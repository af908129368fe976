"""How long a page's command waits while waves run: small write transactions, one after the other, timed."""

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from bench.executor import pass_through
from bench.samples import quantile
from bench.world import engine_on
from engine.store.session import Store, open_store
from engine.store.tables import Workspace

PAUSE = 0.02
"""Seconds between two commands: a page is not a loop."""

WORKSPACE = Workspace.__table__  # type: ignore[attr-defined]


def during_waves(url: str, *, in_process: bool) -> dict[str, Any]:
    """Carry everybody through and time commands meanwhile, of a thread of this process or of another process.

    Units: milliseconds.
    """
    store = open_store(url)
    try:
        times = _beside_thread(store) if in_process else _beside_process(store, url)
    finally:
        store.close()
    times.sort()
    return {
        "commands": len(times),
        "p50_ms": times[len(times) // 2],
        "p95_ms": quantile(times, 0.95),
        "max_ms": times[-1],
    }


def command(store: Store) -> float:
    """Do what a page does, a small write, and give how long it took in milliseconds."""
    since = time.perf_counter()
    with store.write() as connection:
        connection.execute(WORKSPACE.update().where(WORKSPACE.c.id == 1).values(name="Default"))
    return 1_000 * (time.perf_counter() - since)


def _beside_thread(store: Store) -> list[float]:
    times = []
    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(pass_through, engine_on(store))
        while not wait([moving], PAUSE).done:
            times.append(command(store))
        moving.result()
    return times


def _beside_process(store: Store, url: str) -> list[float]:
    root = Path(__file__).resolve().parents[1]
    with subprocess.Popen(
        [sys.executable, "-m", "bench.latency", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        pass_through(engine_on(store))
        child.stdin.close()
        found: list[float] = json.loads(child.stdout.read())
    return found


def main() -> None:
    """Send commands until standard input ends, then give their times."""
    store = open_store(sys.argv[1])
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    command(store)
    print("ready", flush=True)
    times = [command(store)]
    while not over.wait(PAUSE):
        times.append(command(store))
    store.close()
    print(json.dumps(times))


if __name__ == "__main__":
    main()
