"""How long a rehearsal takes and how much memory, in its own process: ``python -m bench.rehearsing CONTACTS DAYS``."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench.memory import peak_with_helpers
from bench.results import Result
from bench.samples import measured
from bench.world import START
from designer.rendering.renderer import JinjaRenderer
from engine.api import documents, rehearsal
from engine.clock import FixedClock
from engine.collector import calm_collector
from engine.settings import Settings
from engine.wiring import Wiring, connect
from tests.law.sources import ROOT

FLOW: Final = "trial-day1-8"
DAYS: Final = 90
SECONDS: Final = 60
MEMORY_MB: Final = 500


def rehearsal_result(contacts: int) -> Result:
    """Play the shipped flow for so many contacts over 90 days, once."""
    command = [sys.executable, "-m", "bench.rehearsing", str(contacts), str(DAYS)]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    seconds, memory = found["seconds"], found["peak_mb"]
    return {
        "says": f"rehearsal of {FLOW}: {contacts:,} contacts, {DAYS} days",
        "ours": found,
        "ours_text": f"{seconds:.1f} s, {memory:.0f} MB",
        "floor_text": "",
        "ratio_text": f"{found['lines'] / seconds:,.0f} lines/s",
        "must_text": f"< {SECONDS} s, < {MEMORY_MB} MB",
        "passed": seconds < SECONDS and memory < MEMORY_MB,
    }


def lent(wiring: Wiring) -> tuple[documents.Shipped, Any]:
    """Give what is shipped, and the flow of it that is rehearsed; the engine sees its messages."""
    shipped = documents.read_shipped(ROOT / "flows")
    raw = documents.find_document(wiring, shipped, FLOW)
    documents.lend_templates(wiring, shipped, FLOW)
    return shipped, raw


def main() -> None:
    """Rehearse and say what it took."""
    contacts, days = int(sys.argv[1]), float(sys.argv[2])
    wiring = connect(Settings(db="sqlite://"), JinjaRenderer(), clock=FixedClock.of(START))
    shipped, raw = lent(wiring)
    asked = documents.rehearsal_of(
        wiring, shipped, raw, contacts=contacts, start=START, days=days, seed=1, events=None, behaviour=None
    )
    # As the server does, which answers the page.
    calm_collector()
    with measured() as sample, ExitStack() as world:
        played = rehearsal.played(wiring, raw, asked, documents.finder(wiring, shipped), at_full_speed=True)
        over = world.enter_context(played)
        kept = world.pop_all()
    with kept:
        # The journal is read line by line, as whoever asks for it writes it; nobody waits for it before the report.
        lines = sum(1 for _ in over.outcome.lines())
    found = {"contacts": contacts, "days": days, "seconds": sample.seconds, "busy": sample.busy}
    processes = over.world.parts
    memory = peak_with_helpers(processes - 1) / 1024
    print(json.dumps({**found, "peak_mb": memory, "lines": lines, "processes": processes}))


if __name__ == "__main__":
    main()
