"""Results: kept as JSON, written as the table of ``README.md``."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
FILE: Final = FOLDER / "results.json"
README: Final = FOLDER / "README.md"
BEGIN: Final = "<!-- results: written by `make bench` -->"

Result = dict[str, Any]


def machine() -> Result:
    """Say on what was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=FOLDER
    )
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit.stdout.strip() or "unknown",
        "cores": os.cpu_count(),
        "memory_gb": round(pages / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def load() -> dict[str, Result]:
    """Read what was measured before, by the line's key."""
    found: dict[str, Result] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return found


def keep(result: Result) -> None:
    """Keep a result in place of the line's former one, and write the table anew."""
    known = load()
    known[f"{result['line']}/{result['database']}"] = result
    FILE.write_text(json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = README.read_text(encoding="utf-8").split(BEGIN)[0]
    README.write_text(text + BEGIN + "\n\n" + "\n".join(_table(known)) + "\n", encoding="utf-8")


def rate(values: list[float]) -> str:
    """Write a median with the least and the greatest."""
    return f"{median(values):,.0f} ({min(values):,.0f}-{max(values):,.0f})"


def _table(known: dict[str, Result]) -> list[str]:
    rows = ["| line | database | ours | floor | ratio | must | kept |", "|---|---|--:|--:|--:|--:|---|"]
    for key in sorted(known):
        found = known[key]
        ok = "yes" if found["passed"] else "no"
        cells = (found["says"], found["version"], found["ours_text"], found["floor_text"], found["ratio_text"])
        rows.append(f"| {' | '.join(cells)} | {found['must_text']} | {ok} |")
    machines = {
        f"{at['date']}, commit {at['commit']}: {at['cores']} cores, {at['memory_gb']} GB, {at['system']}, "
        f"Python {at['python']}."
        for at in (found["machine"] for found in known.values())
    }
    return [*rows, "", *(f"- {each}" for each in sorted(machines))]
