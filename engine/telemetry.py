"""What a running process says of itself: its name, its log, and the pulse of each of its loops."""

import logging
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.terms import Micros

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
NOISY = ("apscheduler", "asyncio", "httpx", "alembic")
"""Libraries that say more than an operator wants to read."""


def begin_logging(level: str = "INFO") -> None:
    """Log to standard error from this level on, INFO if there is none of that name; libraries only when it matters."""
    logging.basicConfig(level=logging.getLevelNamesMapping().get(level.upper(), logging.INFO), format=FORMAT)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)


@dataclass
class Pulse:
    """How one loop is doing.

    Units: instants of the machine's clock, never of a demo's.
    """

    beats: int = 0
    last_success: Micros | None = None
    last_fault: str | None = None
    last_fault_at: Micros | None = None


@dataclass
class Pulses:
    """The pulses of a process's loops by their names; threads may write and read at the same time."""

    _pulses: dict[str, Pulse] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def beat(self, name: str, now: Micros) -> None:
        """Note that a loop did its work."""
        with self._lock:
            pulse = self._pulses.setdefault(name, Pulse())
            pulse.beats += 1
            pulse.last_success = now

    def miss(self, name: str, now: Micros, fault: str) -> None:
        """Note that a loop could not do its work."""
        with self._lock:
            pulse = self._pulses.setdefault(name, Pulse())
            pulse.last_fault, pulse.last_fault_at = fault, now

    def read(self) -> Mapping[str, Pulse]:
        """Give a copy of all pulses."""
        with self._lock:
            return {
                name: Pulse(each.beats, each.last_success, each.last_fault, each.last_fault_at)
                for name, each in sorted(self._pulses.items())
            }


def name_process() -> str:
    """Name this start of this process: its machine, its number, and when it began."""
    return f"{socket.gethostname()}/{os.getpid()}/{_began(os.getpid())}"


def is_running(name: str) -> bool | None:
    """Tell whether a process that named itself still runs; None when it is on another machine."""
    host, number, began = name.split("/")
    if host != socket.gethostname():
        return None
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _began(int(number)) == began


def _began(process: int) -> str:
    """Tell when a process began, in ticks since the machine did; nothing where the system does not say."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""
