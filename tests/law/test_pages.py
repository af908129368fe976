"""The pages say what the code says: states, settings, links, and the README's first flow."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.settings import Settings
from engine.store.tables import metadata
from engine.store.types import one_of
from tests.law.sources import ROOT, files

README = (ROOT / "README.md").read_text(encoding="utf-8")
STATES = re.compile(r"\bstate = ('\w+')")


def test_states_are_drawn() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## States")[1]
    drawn = {name: set(re.findall(r"\w+", text)) for name, text in re.findall(r"\*\*(\w+)\*\*([^*]*)", page)}
    kept = {table.name: _states(table) for table in metadata.sorted_tables if _states(table)}
    assert drawn.keys() == kept.keys()
    assert {name: states - drawn[name] for name, states in kept.items() if states - drawn[name]} == {}


def test_states_are_found_in_checks() -> None:
    check = sa.CheckConstraint(f"({one_of('state', 'a', 'b')} AND x) OR ({one_of('state', 'c')} AND y)")
    assert _states(sa.Table("t", sa.MetaData(), sa.Column("state", sa.Text), check)) == {"a", "b", "c"}


def test_every_setting_is_described() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = {name: default.strip().strip("`") for name, default in re.findall(r"^\| `(\w+)` \|([^|]*)\|", page, re.M)}
    known = {name: "" if field.default is None else str(field.default) for name, field in Settings.model_fields.items()}
    assert rows == {f"DRIPLINE_{name.upper()}": default for name, default in known.items()}


def test_no_link_is_broken() -> None:
    broken = []
    for path in files("README.md", "CHANGELOG.md", "docs", "bench", endings=(".md",)):
        targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8"))
        near = [target for target in targets if "://" not in target]
        broken += [f"{path.relative_to(ROOT)}: {target}" for target in near if not (path.parent / target).exists()]
    assert broken == []


def test_every_page_is_listed() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert {name for name in pages if f"({name})" not in index} == set()


def test_the_readme_works_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIPLINE_DB", f"sqlite:///{tmp_path / 'readme.db'}")
    (flow,) = re.findall(r"```json\n(.*?)```", README, re.S)
    (tmp_path / "welcome.flow.json").write_text(flow, encoding="utf-8")
    ran = [_run(line, tmp_path) for line in _commands()]
    assert len(ran) > 8
    steps = [json.loads(line) for line in ran[-1].splitlines() if line.startswith("{")]
    assert [step.get("node") for step in steps[:2]] == ["start", "hello"]
    assert all(step["contact"] == "ada" for step in steps)


def _states(table: sa.Table) -> set[str]:
    checks = [str(each.sqltext) for each in table.constraints if isinstance(each, sa.CheckConstraint)]
    lists = [found for check in checks for found in STATES.findall(check)]
    return {name for found in lists for name in re.findall(r"'(\w+)'", found)}


def _commands() -> list[str]:
    """Give the README's commands up to the first journal, those that end by themselves."""
    lines = [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()]
    known = [line for line in lines if line.startswith(("dripline ", "printf "))]
    return known[: next(n for n, line in enumerate(known) if " journal " in line) + 1]


def _run(line: str, folder: Path) -> str:
    program = shlex.quote(str(Path(sys.executable).parent / "dripline"))
    command = re.sub(r"^dripline\b", program, line)
    done = subprocess.run(command, shell=True, cwd=folder, check=False, capture_output=True, text=True)  # noqa: S602
    assert done.returncode == 0, line + "\n" + done.stdout + done.stderr
    return done.stdout
