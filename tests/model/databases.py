"""An empty database for each case, for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import stores


@contextmanager
def empty_database(kind: str, folder: Path, worker: str) -> Iterator[str]:
    """Give the address of an empty migrated database for as long as it is needed."""
    address = stores.new_address(kind, folder, worker)
    try:
        yield address
    finally:
        stores.forget(address)
        if kind == "sqlite":
            for file in folder.glob(f"{Path(address).name}*"):
                file.unlink()
