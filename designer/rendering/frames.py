"""How the engine's process and its rendering child talk: length-prefixed JSON over pipes; nothing is unpickled."""

from typing import IO

import orjson

_PREFIX = 4


def write_frame(stream: IO[bytes], value: object) -> None:
    """Send one value."""
    body = orjson.dumps(value)
    stream.write(len(body).to_bytes(_PREFIX) + body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> object | None:
    """Receive one value; ``None`` when the other end has closed."""
    prefix = stream.read(_PREFIX)
    if len(prefix) < _PREFIX:
        return None
    size = int.from_bytes(prefix)
    body = stream.read(size)
    return orjson.loads(body) if len(body) == size else None
