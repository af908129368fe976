"""Draw the curves of ``growth.json``; run by a Python that has matplotlib: ``growth_drawing.py FILE FOLDER``."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

COLOURS = {"sqlite": "#0f766e", "postgresql": "#1d4ed8"}
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
STYLES = {"ours": "-", "random": ":", "floor": "--"}
SIDES = {"ours": "Dripline", "random": "Dripline, waits in random order", "floor": "SQL by hand"}


def main() -> None:
    """Draw three pictures."""
    found, folder = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])
    pyplot.rcParams.update(
        {"svg.hashsalt": "growth", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    _by_contacts(found["contacts"], folder / "growth-contacts.svg")
    _by_nodes(found["nodes"], folder / "growth-nodes.svg")
    _by_workers(found["workers"], folder / "growth-workers.svg")


def _by_contacts(kinds: dict[str, Any], file: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(6.4, 4.2))
    for kind, points in kinds.items():
        for side, name in SIDES.items():
            across, up = [each["contacts"] for each in points], [each[side] / 1000 for each in points]
            axes.plot(across, up, STYLES[side], color=COLOURS[kind], marker=".", label=f"{NAMES[kind]}: {name}")
    axes.set_xscale("log")
    _write(figure, axes, "contacts", "contact-steps a second, in thousands", file)


def _by_nodes(kinds: dict[str, Any], file: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(6.4, 3.4))
    for kind, points in kinds.items():
        across, up = [each["nodes"] for each in points], [each["ours"] / 1000 for each in points]
        axes.plot(across, up, color=COLOURS[kind], marker=".", label=NAMES[kind])
    _write(figure, axes, "nodes of the flow", "contact-steps a second, in thousands", file)


def _by_workers(points: list[Any], file: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(6.4, 3.2))
    names = [f"{each['workers']}{' apart' if each['apart'] else ''}" for each in points]
    server, mine = ([each[side] for each in points] for side in ("server", "mine"))
    axes.bar(names, server, 0.5, color="#1d4ed8", label="the server")
    axes.bar(names, mine, 0.5, bottom=server, color="#93c5fd", label="the worker")
    _write(figure, axes, "workers", "processor time of a batch, ms", file)


def _write(figure: Any, axes: Any, across: str, up: str, file: Path) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="#e2e8f0")
    axes.set_axisbelow(True)
    # Below the drawing, where no curve is; long enough that dashes can be told from a line.
    axes.legend(fontsize=7, frameon=False, handlelength=4, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    main()
