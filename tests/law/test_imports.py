"""The law of imports holds, and each of its contracts sees a violation."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.law.sources import ROOT

CONFIG = ROOT / "pyproject.toml"


def test_the_law_holds() -> None:
    done = _lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_an_empty_house_is_lawful(tmp_path: Path) -> None:
    _build(tmp_path)
    done = _lint(tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("engine/run/wave.py", "import engine.api"),
        ("engine/people/upsert.py", "from engine.segments import x"),
        ("engine/store/rows.py", "import engine.people"),
        ("engine/api/pages.py", "import jinja2"),
        ("engine/api/routes.py", "from fastapi import APIRouter"),
        ("engine/wiring/start.py", "import app"),
        ("engine/library/seeds.py", "import flows"),
        ("engine/graph/check.py", "import sqlalchemy"),
        ("engine/rules/now.py", "import engine.clock"),
        ("engine/contract/luck.py", "import random"),
        ("engine/novelty.py", "x = 1"),
        ("nodes/wait_delay.py", "import engine.clock"),
        ("nodes/send_email.py", "import sqlmodel"),
        ("nodes/flow_exit.py", "import designer"),
        ("designer/routes.py", "import engine.store"),
        ("designer/views.py", "from sqlalchemy import select"),
        ("designer/cards.py", "import nodes"),
        ("designer/start.py", "import app"),
    ],
)
def test_a_violation_is_seen(tmp_path: Path, file: str, line: str) -> None:
    _build(tmp_path)
    (tmp_path / file).write_text(f'"""Planted."""\n{line}\n', encoding="utf-8")
    done = _lint(tmp_path)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout


def _build(root: Path) -> None:
    """Make the empty house that the contracts speak of."""
    law = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["tool"]["importlinter"]
    (floors,) = [each["layers"] for each in law["contracts"] if each.get("exhaustive")]
    rooms = [f"engine/{room.strip()}" for floor in floors for room in floor.split("|")]
    for room in ["engine", "designer", "nodes", "flows", *rooms]:
        (root / room).mkdir()
        (root / room / "__init__.py").write_text("", encoding="utf-8")
    (root / "app.py").write_text("", encoding="utf-8")


def _lint(root: Path) -> "subprocess.CompletedProcess[str]":
    # -P and the folder first: the house under the law is this one, wherever Dripline is installed from.
    program = (
        "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", program, "--config", str(CONFIG), "--no-cache", "--no-logo"],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )
