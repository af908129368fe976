"""Where rows go before they are deleted: files of JSON lines, one for each kind and run, packed with gzip."""

import gzip
import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from engine.terms import Json, Micros, from_micros


class Archive:
    """A folder of files that only grow. What was kept is on the disk before the rows are deleted.

    After a crash between the two a row stands twice in the archive, and never nowhere.
    """

    def __init__(self, folder: Path, now: Micros) -> None:
        self._folder = folder
        self._name = from_micros(now).strftime("%Y%m%dT%H%M%SZ")
        self._files: dict[str, gzip.GzipFile] = {}
        self._open = ExitStack()

    def keep(self, kind: str, lines: Iterable[dict[str, Json]]) -> None:
        """Write lines into the file of their kind, and have them on the disk."""
        text = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        if not text:
            return
        file = self._file(kind)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())

    def _file(self, kind: str) -> gzip.GzipFile:
        if kind not in self._files:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{kind}-{self._name}-{os.getpid()}.jsonl.gz"
            self._files[kind] = self._open.enter_context(gzip.GzipFile(path, "ab"))
        return self._files[kind]

    def __enter__(self) -> Self:
        """Nothing is opened before something is kept."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all files."""
        self._open.close()
