"""Lines of text from a file of bytes whose encoding is not told: streamed, broken places marked."""

import codecs
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, Protocol

from engine.people.attributes import is_text

SAMPLE: Final = 1 << 16
LONGEST: Final = 1 << 24
"""A line longer than this is cut: such a file has no lines."""


class Readable(Protocol):
    """A file, or anything else that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """Give the next bytes, at most ``size``; none at the end."""


class Lines:
    """The lines of a file, with their ends.

    ``encoding`` is ``utf-8``, or ``gb18030`` when the first 64 kB say so; ``position`` counts the bytes that were
    read. ``broken`` becomes true when a line passes that is not text of that encoding; who has seen it resets it.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.position = 0
        self.broken = False
        sample = self._fill(SAMPLE)
        whole = len(sample) < SAMPLE
        sample = sample.removeprefix(codecs.BOM_UTF8)
        self.encoding = detect_encoding(sample, whole=whole)
        self.first = sample.decode(self.encoding, "replace").split("\n", 1)[0]
        self._lines = chain.from_iterable(map(self._split, self._blocks(sample)))

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def _fill(self, size: int) -> bytes:
        """Read so much, also from a pipe that gives less at a time."""
        pieces: list[bytes] = []
        while size > 0 and (piece := self._source.read(size)):
            pieces.append(piece)
            size -= len(piece)
        found = b"".join(pieces)
        self.position += len(found)
        return found

    def _blocks(self, pending: bytes) -> Iterator[bytes]:
        """Give the file in pieces that end with a line."""
        while more := self._fill(SAMPLE):
            pending += more
            end = pending.rfind(b"\n") + 1 or (len(pending) if len(pending) > LONGEST else 0)
            if end:
                yield pending[:end]
                pending = pending[end:]
        yield pending

    def _split(self, block: bytes) -> Iterable[str]:
        try:
            text = block.decode(self.encoding)
        except UnicodeDecodeError:
            return self._doubted(block.decode(self.encoding, "surrogateescape"))
        return self._doubted(text) if "\x00" in text else io.StringIO(text, newline="")

    def _doubted(self, text: str) -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            self.broken = self.broken or not is_text(line)
            yield line


def detect_encoding(sample: bytes, *, whole: bool = True) -> str:
    """Tell whether text is UTF-8 or, as spreadsheets in China write it, GB18030.

    GB18030 only when it can be that and most lines that are not ASCII are not UTF-8: one broken row in a file of
    UTF-8 is a broken row.
    """
    if not whole:
        # The last line may end within a sign.
        sample = sample[: sample.rfind(b"\n") + 1]
    wide = [line for line in sample.split(b"\n") if not line.isascii()]
    broken = sum(not _decodes(line, "utf-8") for line in wide)
    return "gb18030" if broken * 2 > len(wide) and _decodes(sample, "gb18030") else "utf-8"


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
