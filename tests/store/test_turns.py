"""Writers of a SQLite file take turns, in one process and in several."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import StoreError
from engine.store.turns import DOOR, ROOM, Turnstile

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX, 1, int(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_elsewhere(file: Path, place: int) -> Iterator[None]:
    """Let another process hold a lock."""
    command = [sys.executable, "-c", HOLD, str(file), str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield
        child.stdin.close()


@pytest.mark.parametrize("place", [DOOR, ROOM], ids=["next in turn", "writing"])
def test_nobody_comes_in_before_another_process_that_writes_or_is_next(tmp_path: Path, place: int) -> None:
    turnstile = Turnstile(tmp_path / "turn", patience=0)
    with held_elsewhere(tmp_path / "turn", place), pytest.raises(StoreError, match="another process"), turnstile.turn():
        pass
    with turnstile.turn():
        pass
    turnstile.close()


def test_the_door_is_free_for_the_next_one_while_somebody_writes(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path / "turn", patience=0)
    with turnstile.turn(), held_elsewhere(tmp_path / "turn", DOOR):
        pass
    turnstile.close()


def test_threads_come_in_the_order_in_which_they_asked(tmp_path: Path) -> None:
    turnstile, came = Turnstile(tmp_path / "turn", patience=60), []

    def write(name: int, asked: threading.Event) -> None:
        asked.set()
        with turnstile.turn():
            came.append(name)

    with turnstile.turn():
        threads = []
        for name in range(5):
            asked = threading.Event()
            threads.append(threading.Thread(target=write, args=(name, asked)))
            threads[-1].start()
            while len(turnstile.waiting) < name + 2:
                asked.wait(0.001)
    for thread in threads:
        thread.join()
    assert came == list(range(5))
    turnstile.close()


def test_a_turn_within_a_turn_is_refused() -> None:
    turnstile = Turnstile(None, patience=0)
    with turnstile.turn(), pytest.raises(StoreError, match="inside another"), turnstile.turn():
        pass
    with turnstile.turn():
        pass
