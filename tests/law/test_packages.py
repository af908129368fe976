"""What the project says of itself agrees: entry points and files, bounds and locks, vendor files and manifest."""

import base64
import hashlib
import json
import re
import tomllib

from packaging.requirements import Requirement
from packaging.version import Version

from tests.law.sources import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CAPPED_BY_DATE = {"html2text", "python-multipart", "tzdata"}
"""Their versions are dates, or they never break us: no cap would mean anything."""


def test_entry_points_are_the_files_of_nodes() -> None:
    declared = PROJECT["entry-points"]["dripline.nodes"]
    stems = {path.stem for path in (ROOT / "nodes").glob("*.py") if not path.stem.startswith("_")}
    assert {target.split(":")[0].removeprefix("nodes.") for target in declared.values()} == stems
    assert len(set(declared.values())) == len(declared)


def test_entry_points_are_named_by_family_and_name() -> None:
    declared = PROJECT["entry-points"]["dripline.nodes"]
    wrong = [name for name, target in declared.items() if f"nodes.{name.replace('.', '_')}" != target.split(":")[0]]
    assert wrong == []


def test_every_dependency_has_a_lower_bound_and_a_cap() -> None:
    for requirement in _requirements():
        operators = {each.operator for each in requirement.specifier}
        assert ">=" in operators, requirement
        assert "<" in operators or requirement.name in CAPPED_BY_DATE, requirement


def test_locked_versions_are_within_the_bounds() -> None:
    locked = _locked()
    for requirement in _requirements():
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert name in locked, requirement
        assert requirement.specifier.contains(Version(locked[name])), (requirement, locked[name])


def test_front_end_packages_are_pinned_exactly() -> None:
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert wanted != {}
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert locked[f"node_modules/{name}"]["version"] == version
    assert [name for name, each in locked.items() if name and ("resolved" in each or "integrity" not in each)] == []


def test_vendor_files_are_what_the_manifest_says() -> None:
    folder = ROOT / "static" / "vendor"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert {each["file"] for each in manifest} == {path.name for path in folder.iterdir()} - {"manifest.json"}
    for each in manifest:
        digest = hashlib.sha384((folder / each["file"]).read_bytes()).digest()
        assert each["sha384"] == "sha384-" + base64.b64encode(digest).decode()
        assert each["licence"]


def test_the_changelog_knows_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changelog
    assert PROJECT["version"] == "0.1.0" or f"## [{PROJECT['version']}]" in changelog


def test_nobody_uploads_this_by_mistake() -> None:
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]


def _requirements() -> list[Requirement]:
    lines = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    return [Requirement(line) for line in lines]


def _locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line)
