"""The tree says nothing of the machine it was made on, and its top level is the one that was agreed."""

import re
import subprocess

import pytest

from tests.law.sources import ROOT, files

TOP = {
    # the product
    "app.py", "designer", "engine", "flows", "nodes", "pyproject.toml", "static", "tests",
    # hygiene
    ".ci", ".gitattributes", ".gitignore", ".npmrc", "CHANGELOG.md", "Makefile", "README.md", "bench", "deploy", "docs",
    "package-lock.json", "package.json", "requirements.lock",
}  # fmt: skip
# Put together here, so that this file does not hold what it forbids.
HOSTS = (
    "pypi" + r"\.org",
    "python" + "hosted",
    "npmjs" + r"\.(org|com)",
    "deb" + r"ian\.org",
    "git" + "lab",
    r"mirror\.",
)
SETTINGS = (
    "--index" + "-url",
    "--extra-index" + "-url",
    "--find" + "-links",
    "--trusted" + "-host",
    "registry" + "=http",
)
PATHS = ("/" + "work/", "/" + "root" + r"\b", "/" + "opt/", "/" + r"home/\w", "/" + r"Users/\w", "/" + r"tmp/\w")
FORBIDDEN = re.compile("|".join((*HOSTS, *SETTINGS, *PATHS)), re.IGNORECASE)
BINARY = {".gif", ".ico", ".jpg", ".png", ".woff2"}


def test_no_registry_and_no_machine_is_named() -> None:
    found = []
    for path in files():
        if path.suffix not in BINARY:
            lines = path.read_text(encoding="utf-8").splitlines()
            found += [f"{path.relative_to(ROOT)}:{n} {line.strip()}" for n, line in enumerate(lines, 1) if _bad(line)]
    assert found == []


@pytest.mark.parametrize(
    "line",
    ["https://" + "pypi" + ".org/simple", "pip install --index" + "-url x", "open('/" + "root/x')", "/" + "tmp/a"],
)
def test_a_place_is_seen(line: str) -> None:
    assert _bad(line)


@pytest.mark.parametrize(
    "line", ["/roots", "https://www.w3.org/TR", "GET /api/opt", "tmp_path", "from package-lock.json"]
)
def test_other_text_is_free(line: str) -> None:
    assert not _bad(line)


def test_the_top_level_is_the_agreed_one() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=False, capture_output=True, text=True)
    names = {line.split("/")[0] for line in tracked.stdout.splitlines()}
    # Without git, as in an unpacked archive, nothing is tracked, and what is made lies beside what is written.
    assert names - TOP == set()


def _bad(line: str) -> bool:
    return bool(FORBIDDEN.search(line))
