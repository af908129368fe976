"""Get the peers: pinned versions, into ``build/peers``, by pip and npm as they are set up on this machine."""

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
PLACE: Final = ROOT / "build" / "peers"
PATIENCE: Final = 1_200
"""Seconds that one installation may take."""


class Missing(Exception):
    """A peer cannot be had here; the text says why."""


def python() -> Path:
    """Give the Python that has the peers written in it.

    Errors: ``Missing``.
    """
    return environment(HERE / "requirements.txt", PLACE / "python")


def environment(wanted: Path, folder: Path) -> Path:
    """Give a Python that has what a file of requirements names; the first time it is made.

    Errors: ``Missing``.
    """
    has = folder / "has.txt"
    program = folder / "bin" / "python"
    if has.exists() and has.read_text(encoding="utf-8") == wanted.read_text(encoding="utf-8"):
        return program
    shutil.rmtree(folder, ignore_errors=True)
    try:
        venv.create(folder, with_pip=True)
        _call(str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted))
    except subprocess.SubprocessError as fault:
        raise Missing(f"pip could not install what {wanted.name} names: {fault}") from fault
    shutil.copyfile(wanted, has)
    return program


def node_program(package: str, version: str, program: str, others: Mapping[str, str] | None = None) -> Path:
    """Give a program of an npm package; the first time it is fetched.

    ``others`` are versions of packages it needs, to be taken instead of those that it names.

    Errors: ``Missing``.
    """
    folder = PLACE / f"{package}-{version}"
    found = folder / "node_modules" / ".bin" / program
    if found.exists():
        return found
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("there is no npm")
    folder.mkdir(parents=True, exist_ok=True)
    described = {"private": True, "overrides": dict(others or {})}
    (folder / "package.json").write_text(json.dumps(described), encoding="utf-8")
    try:
        _call(npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error",
              f"{package}@{version}")  # fmt: skip
    except subprocess.SubprocessError as fault:
        raise Missing(f"npm could not install {package}@{version}: {fault}") from fault
    return found


def _call(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr, timeout=PATIENCE, stdin=subprocess.DEVNULL)
