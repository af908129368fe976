"""Networks that a storm makes for its workers, so that it can cut one off; needs root and Linux."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PREFIX: Final = "dripstorm"
ADDRESS: Final = "10.213.77.1"
"""Where the server listens: at this machine's end of a bridge that leads nowhere else."""

_NEW_NETWORK: Final = 0x40000000
"""``CLONE_NEWNET`` of Linux."""


def can_cut() -> bool:
    """Tell whether networks can be made here."""
    try:
        _ip("netns", "add", f"{PREFIX}-try")
        _ip("netns", "del", f"{PREFIX}-try")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@contextmanager
def networks(count: int) -> Iterator[list[str]]:
    """Make so many networks, each joined to this machine by a bridge; remove them afterwards."""
    names = [f"{PREFIX}{number}" for number in range(count)]
    _clear(names)
    try:
        _ip("link", "add", PREFIX, "type", "bridge")
        _ip("addr", "add", f"{ADDRESS}/24", "dev", PREFIX)
        _ip("link", "set", PREFIX, "up")
        for number, name in enumerate(names):
            _ip("netns", "add", name)
            _ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b")
            _ip("link", "set", f"{name}b", "netns", name)
            _ip("link", "set", f"{name}a", "master", PREFIX, "up")
            _ip("-n", name, "addr", "add", f"10.213.77.{number + 10}/24", "dev", f"{name}b")
            _ip("-n", name, "link", "set", f"{name}b", "up")
            _ip("-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        _clear(names)


def cut(name: str) -> None:
    """Take a network off the bridge: what is sent is lost, and nobody is told."""
    _ip("link", "set", f"{name}a", "nomaster")


def mend(name: str) -> None:
    """Put it back."""
    _ip("link", "set", f"{name}a", "master", PREFIX)


def enter(name: str) -> None:
    """Move this process into a network; before it has threads or connections."""
    with Path("/run/netns", name).open() as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), f"the network {name} cannot be entered")


def _clear(names: list[str]) -> None:
    for words in (*(("link", "del", f"{name}a") for name in names), ("link", "del", PREFIX)):
        _ip(*words, check=False)
    for name in names:
        _ip("netns", "del", name, check=False)


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True, env={"PATH": os.environ.get("PATH", "/usr/sbin")})
