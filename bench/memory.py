"""How much memory the engine needs, looked at in a process of its own: ``python -m bench.memory URL CONTACTS``."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.executor import carry


def peak_in_child(url: str, contacts: int) -> dict[str, Any]:
    """Carry everybody through in a new process; give its peak in megabytes, and how much of that are pages of files."""
    command = [sys.executable, "-m", "bench.memory", url, str(contacts)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[1])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def peak() -> int:
    """Give the highest resident size of this process so far, in kilobytes."""
    # A child inherits the peak of its parent in getrusage; the kernel's own account of a program does not.
    for line in _status():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def peak_with_helpers(helpers: int) -> int:
    """Give the most that this process and so many that it has begun can have had at a time, in kilobytes."""
    return peak() + helpers * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def mapped() -> int:
    """Give how much of the resident size are pages of files now, in kilobytes; 0 where the system does not say."""
    return next((int(line.split()[1]) for line in _status() if line.startswith("RssFile")), 0)


def _status() -> list[str]:
    try:
        return Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def main() -> None:
    """Carry everybody through and say what it took."""
    url, contacts = sys.argv[1], int(sys.argv[2])
    before = peak()
    sample = carry(url, contacts)
    found = {"contacts": contacts, "peak_mb": peak() / 1024, "start_mb": before / 1024, "mapped_mb": mapped() / 1024}
    print(json.dumps({**found, "steps": sample.work}))


if __name__ == "__main__":
    main()
