"""An empty database for each case, fast: PostgreSQL needs long to make one, so that one is emptied again and again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.store.session import open_store
from engine.store.tables import metadata
from tests.support import stores


@dataclass
class Reused:
    """A database and the rows that it had when it was new."""

    address: str
    first: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def remember(self) -> None:
        with self._connected() as connection:
            for table in metadata.sorted_tables:
                rows = connection.execute(table.select()).mappings()
                self.first[table.name] = [dict(row) for row in rows]

    def empty(self) -> None:
        """Bring back what it was."""
        with self._connected() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
            for table in metadata.sorted_tables:
                if self.first[table.name]:
                    connection.execute(table.insert(), self.first[table.name])

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        store = open_store(self.address)
        try:
            with store.write() as connection:
                yield connection
        finally:
            store.close()


_REUSED: dict[str, Reused] = {}


@contextmanager
def empty_database(kind: str, folder: Path, worker: str) -> Iterator[str]:
    """Give the address of an empty migrated database for as long as it is needed."""
    if kind == "sqlite":
        address = stores.new_address(kind, folder, worker)
        yield address
        for file in folder.glob(f"{Path(address).name}*"):
            file.unlink()
        return
    if worker not in _REUSED:
        _REUSED[worker] = Reused(stores.new_address(kind, folder, worker))
        _REUSED[worker].remember()
    _REUSED[worker].empty()
    try:
        yield _REUSED[worker].address
    except BaseException:
        # Whoever failed may have left a transaction open: the next one gets another database.
        stores.forget(_REUSED.pop(worker).address)
        raise
