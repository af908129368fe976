"""Find Chromium for tests in a browser: the one that is installed, else Debian's where it may be installed."""

import os
import shutil
import subprocess
from typing import Final

import pytest

from tests.support.postgres import current

PROGRAM: Final = "DRIPLINE_TEST_CHROMIUM"
"""The variable that names a browser's program, to test with another one."""

NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SWITCHES: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-sandbox",
)
"""No request of the browser's own leaves the machine; its sandbox needs rights that containers do not give."""

SECONDS: Final = 600
MISSING: Final = f"tests in a browser need Chromium: install Debian's package chromium, or name a program in {PROGRAM}."


def find() -> str:
    """Give the path of a browser; stop the test with one sentence when there is none and none may be installed."""
    found = _installed()
    if found is None and _may_install():
        current().once("chromium", _install)
        found = _installed()
    if found is None:
        pytest.fail(MISSING, pytrace=False)
    return found


def _installed() -> str | None:
    named = os.environ.get(PROGRAM)
    return named or next((path for path in map(shutil.which, NAMES) if path), None)


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install() -> None:
    commands = (["update"], ["install", "--yes", "--no-install-recommends", "chromium", "fonts-noto-cjk"])
    for command in commands:
        subprocess.run(
            ["apt-get", *command],
            check=False,
            timeout=SECONDS,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
