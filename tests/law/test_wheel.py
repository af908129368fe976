"""A wheel, installed into an empty environment, has everything: node types, templates, flows, static files."""

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.law.sources import ROOT, files
from tests.support.postgres import current

# What the program asks of its own installation, run by the empty environment's Python.
QUESTIONS = """
import importlib.metadata, importlib.resources, json, sys
import app, engine.store.migrate, designer
points = importlib.metadata.entry_points(group="dripline.nodes")
print(json.dumps({
    "places": sorted({str(importlib.resources.files(name)) for name in ("designer", "engine.store")}),
    "kinds": sorted(point.load().kind for point in points),
    "flows": sorted(each.name for each in importlib.resources.files("flows").iterdir() if each.name.endswith(".json")),
    "scripts": [point.name for point in importlib.metadata.entry_points(group="console_scripts", name="dripline")],
}))
"""


@pytest.fixture(scope="module")
def wheel() -> Path:
    """Build the wheel of this tree, once for all workers."""
    folder = current().folder / "wheel"
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    current().once("wheel", lambda: _call(*command, cwd=ROOT))
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_has_every_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    written = {
        str(path.relative_to(ROOT)) for path in files("app.py", "designer", "engine", "flows", "nodes", "static")
    }
    made = {f"static/vendor/{path.name}" for path in (ROOT / "static" / "vendor").iterdir()}
    assert (written | made) - names == set()
    packed = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert packed == {name.split("/")[0] for name in written | made}


def test_the_wheel_starts_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "empty"
    venv.create(home, with_pip=False, symlinks=True)
    python = str(home / "bin" / "python")
    _call(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    # Its dependencies are borrowed, at the end of the path; a path in a .pth file brings no .pth files of its own.
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    said = json.loads(_call(python, "-I", "-c", QUESTIONS, cwd=tmp_path))
    assert all(place.startswith(str(packages)) for place in said["places"])
    assert len(said["kinds"]) == len(list((ROOT / "nodes").glob("[!_]*.py")))
    assert said["flows"] == sorted(path.name for path in (ROOT / "flows").glob("*.json"))
    assert said["scripts"] == ["dripline"]
    assert "Usage" in _call(str(home / "bin" / "dripline"), "--help", cwd=tmp_path)


def _call(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
