"""Scratch databases: made once as a template, copied for every run."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from engine.store.migrate import upgrade
from engine.store.session import Store, open_store
from tests.support.postgres import find_programs

Fill = Callable[[Store], object]
Call = Callable[..., None]
"""Runs a program of PostgreSQL on a cluster."""


class Databases(Protocol):
    """One kind of database, with templates."""

    kind: str

    def template(self, name: str, fill: Fill) -> None:
        """Make a migrated database under a name, unless there is one, and let it be filled."""

    def copy(self, name: str) -> str:
        """Copy a template and give the copy's address."""

    def drop(self, url: str) -> None:
        """Remove a copy."""


@contextmanager
def scratch(kind: str, url: str | None = None, options: str = "", kept: Path | None = None) -> Iterator[Databases]:
    """Open a place for databases of a kind; ``url`` names a PostgreSQL server that may be used, else one is started.

    Templates in the folder ``kept`` stay there for the next time.
    """
    with tempfile.TemporaryDirectory(prefix="dripline-bench-", ignore_cleanup_errors=True) as name:
        folder = kept or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        if kind == "sqlite":
            yield SqliteFiles(folder)
        elif url is not None:
            yield from _served(url)
        else:
            with cluster(folder, options, stop="fast" if kept else "immediate") as (started, call):
                yield from _served(started, call, keeps=kept is not None)


def _served(url: str, call: Call | None = None, *, keeps: bool = False) -> Iterator[Databases]:
    server = PostgresServer(url, call=call, keeps=keeps)
    try:
        yield server
    finally:
        server.clear()


def _make(url: str, fill: Fill, parts: int | None = None) -> None:
    store = open_store(url, parts=parts)
    try:
        upgrade(store)
        fill(store)
    finally:
        store.close()


def version_of(databases: Databases) -> str:
    """Name a kind of database: its program and version."""
    databases.template("empty", lambda store: None)
    url = databases.copy("empty")
    store = open_store(url)
    try:
        with store.read() as connection:
            text = "SELECT sqlite_version()" if store.name == "sqlite" else "SHOW server_version"
            number = str(connection.exec_driver_sql(text).scalar_one()).split()[0]
            return f"{'SQLite' if store.name == 'sqlite' else 'PostgreSQL'} {number}"
    finally:
        store.close()
        databases.drop(url)


@dataclass
class SqliteFiles:
    """Files in a folder."""

    folder: Path
    kind: str = "sqlite"
    _made: int = 0

    def template(self, name: str, fill: Fill) -> None:
        """Make a file, without a log beside it."""
        file = self.folder / f"{name}.db"
        if not file.exists():
            begun = self.folder / f"{name}.begun"
            self.drop(f"sqlite:///{begun}")
            _make(f"sqlite:///{begun}", fill)
            begun.rename(file)
            self.drop(f"sqlite:///{begun}")

    def copy(self, name: str) -> str:
        """Copy a file."""
        self._made += 1
        file = self.folder / f"copy-{os.getpid()}-{self._made}.db"
        shutil.copyfile(self.folder / f"{name}.db", file)
        return f"sqlite:///{file}"

    def drop(self, url: str) -> None:
        """Remove a file and its log."""
        for ending in ("", "-wal", "-shm", "-turn"):
            Path(f"{make_url(url).database}{ending}").unlink(missing_ok=True)


@dataclass
class PostgresServer:
    """Databases of one server; ``parts`` is how many each has, the product's number if none is said."""

    url: str
    prefix: str = "dripline_bench"
    parts: int | None = None
    kind: str = "postgresql"
    call: Call | None = None
    keeps: bool = False
    _made: int = 0
    _names: list[str] = field(default_factory=list)

    def template(self, name: str, fill: Fill) -> None:
        """Make a database."""
        chosen, begun = f"{self.prefix}_{name}", f"{self.prefix}_begun"
        if not self._is_there(chosen):
            self.drop(self._address(begun))
            self._do("CREATE DATABASE {}", begun)
            _make(self._address(begun), fill, self.parts)
            self._do("ALTER DATABASE {} RENAME TO {}", begun, chosen)
            self._names += [] if self.keeps else [chosen]

    def copy(self, name: str) -> str:
        """Copy a database file by file, and have the copy on disk before anybody measures."""
        self._made += 1
        chosen = f"{self.prefix}_copy_{self._made}"
        self._do("CREATE DATABASE {} TEMPLATE {} STRATEGY = FILE_COPY", chosen, f"{self.prefix}_{name}")
        self._names.append(chosen)
        self._do("CHECKPOINT")
        return self._address(chosen)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected."""
        name = str(make_url(url).database)
        self._do("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        if name in self._names:
            self._names.remove(name)

    def clear(self) -> None:
        """Drop all that were made."""
        for name in list(self._names):
            self.drop(self._address(name))

    def restart(self) -> None:
        """Break the server off, as a loss of power would, and start it again."""
        assert self.call is not None, "the server is not ours"
        self.call("pg_ctl", "-m", "immediate", "-w", "-t", "60", "restart")

    def _is_there(self, name: str) -> bool:
        with psycopg.connect(self._plain()) as connection:
            return bool(connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).rowcount)

    def _address(self, name: str) -> str:
        return make_url(self.url).set(drivername="postgresql+psycopg", database=name).render_as_string(False)

    def _do(self, text: str, *names: str) -> None:
        with psycopg.connect(self._plain(), autocommit=True) as connection:
            connection.execute(sql.SQL(text).format(*map(sql.Identifier, names)))

    def _plain(self) -> str:
        return make_url(self.url).set(drivername="postgresql").render_as_string(False)


# ---------------------------------------------------------------- a cluster of our own


@contextmanager
def cluster(folder: Path, more: str = "", stop: str = "immediate") -> Iterator[tuple[str, Call]]:
    """Start a PostgreSQL with its own defaults, durable, on a socket in a folder.

    Shape: its address, and what runs a program of PostgreSQL on it. ``more`` are options of the server,
    ``stop`` how it is stopped.
    """
    programs, who, data = find_programs(), _who(), folder / "pg"
    is_new = not data.exists()
    data.mkdir(mode=0o700, exist_ok=True)
    if who:
        folder.chmod(0o755)
        shutil.chown(data, who["user"], who["group"])

    def call(program: str, *arguments: str) -> None:
        # Into a file: the server would keep a pipe open.
        with (folder / "said").open("w") as said:
            command = [str(programs / program), "-D", str(data / "data"), *arguments]
            subprocess.run(command, cwd="/", check=True, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **who)

    if is_new:
        call("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
    options = f"-c listen_addresses= -c unix_socket_directories={data} {more}"
    if more:
        with (data / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/8 trust\n")
    call("pg_ctl", "-w", "-t", "60", "-o", options, "-l", str(data / "log"), "start")
    try:
        yield f"postgresql+psycopg://postgres@/postgres?host={data}", call
    finally:
        call("pg_ctl", "-m", stop, "-w", "-t", "60", "stop")


def _who() -> Mapping[str, Any]:
    # PostgreSQL refuses to run as root.
    return {} if os.geteuid() != 0 else {"user": "postgres", "group": "postgres", "extra_groups": []}
