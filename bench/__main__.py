"""Measure and write the results down: ``python -m bench [--contacts N] [--repeat N] [--db KIND] [--only LINE …]``."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench import bounds
from bench.databases import Databases, scratch, version_of
from bench.lines import NAMES, Line, lines
from bench.results import Result, keep, machine, rate
from bench.samples import Sample
from engine.collector import calm_collector

Measure = Callable[[Databases, argparse.Namespace, Path], Result]


def main() -> int:
    """Measure what was asked for; 1 when a bound does not hold."""
    asked = _arguments()
    # As processes of the product do.
    calm_collector()
    passed = True
    for kind in asked.db or ("sqlite", "postgresql"):
        with (
            tempfile.TemporaryDirectory(prefix="dripline-bench-") as name,
            scratch(kind, asked.url, kept=asked.keep) as databases,
        ):
            for line in asked.only or NAMES:
                result = _measure(line, databases, asked, Path(name))
                if result is None:
                    continue
                passed &= result["passed"]
                told = (result["ours_text"], result["floor_text"], result["ratio_text"])
                print(f"{line:11} {kind:11} ours {told[0]} · floor {told[1]} · {told[2]} (must {result['must_text']})")
                if kind == "sqlite" and "busy_ratio" in result:
                    print(f"{'':23} by the processor's time: {result['busy_ratio']:.2f}")
                if not asked.dry:
                    keep(result)
    return 0 if passed else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure the engine against hand-written SQL.")
    parser.add_argument("--contacts", type=int, default=1_000_000, help="how many contacts (1,000,000)")
    parser.add_argument("--repeat", type=int, default=3, help="how often each side runs (3)")
    parser.add_argument("--db", action="append", choices=("sqlite", "postgresql"), help="on this database only")
    parser.add_argument("--only", action="append", choices=NAMES, help="this line only; may be given several times")
    parser.add_argument("--url", help="a PostgreSQL server to use instead of one of our own")
    parser.add_argument("--keep", type=Path, help="a folder where filled databases stay for the next time")
    parser.add_argument("--dry", action="store_true", help="keep no results")
    parser.add_argument("--verbose", action="store_true", help="show the time of each statement")
    return parser.parse_args()


def _measure(name: str, databases: Databases, asked: argparse.Namespace, folder: Path) -> Result | None:
    if name in bounds.BOUNDS:
        found = bounds.BOUNDS[name](databases, asked.contacts)
    else:
        found = _compare(lines(databases, asked.contacts, folder, timing=asked.verbose)[name], databases, asked)
    if found is not None:
        found |= {"line": name, "database": databases.kind, "contacts": asked.contacts, "machine": machine()}
    return found


def _compare(line: Line, databases: Databases, asked: argparse.Namespace) -> Result:
    """Let both sides run by turns on copies of one template."""
    template = f"{line.name}_{asked.contacts}"
    databases.template(template, line.fill)
    sides = {"floor": line.floor, "ours": line.ours}
    samples: dict[str, list[Sample]] = {"floor": [], "ours": []}
    for turn in range(asked.repeat):
        for side, run in sides.items():
            url = databases.copy(template)
            sample = run(url)
            databases.drop(url)
            samples[side].append(sample)
            print(
                f"  {line.name} {databases.kind} {turn + 1}/{asked.repeat} {side:5} {_told(line, sample)}", flush=True
            )
            if asked.verbose and turn == asked.repeat - 1:
                print("\n".join(sample.timings.table()))
    return _result(line, samples, version_of(databases))


def _told(line: Line, sample: Sample) -> str:
    more = " ".join(f"{name} {value}" for name, value in sample.notes.items())
    return f"{sample.rate:12,.0f} {line.unit}/s, {sample.seconds:7.2f} s, processor {sample.busy:7.2f} s {more}"


def _result(line: Line, samples: dict[str, list[Sample]], version: str) -> Result:
    rates = {side: [sample.rate for sample in found] for side, found in samples.items()}
    busy = {side: [sample.busy for sample in found] for side, found in samples.items()}
    ratio = median(rates["ours"]) / median(rates["floor"])
    busy_ratio = median(busy["floor"]) / median(busy["ours"])
    return {
        "says": line.says,
        "version": version,
        "unit": f"{line.unit}/s",
        "ours": rates["ours"],
        "floor": rates["floor"],
        "busy_seconds": busy,
        "ratio": ratio,
        "ours_text": f"{rate(rates['ours'])} {line.unit}/s",
        "floor_text": f"{rate(rates['floor'])} {line.unit}/s",
        "busy_ratio": busy_ratio,
        "ratio_text": f"{ratio:.2f}",
        "must_text": f"≥ {line.must}",
        "passed": ratio >= line.must,
    }


if __name__ == "__main__":
    sys.exit(main())
