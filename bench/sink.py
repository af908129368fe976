"""A mail server that takes everything and keeps nothing, as quick as Python can: ``python -m bench.sink``."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

END = b"\r\n.\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._rest = b""
        self._in_body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every line; of a body wait for the end."""
        self._rest += data
        while self._rest:
            end = END if self._in_body else b"\r\n"
            place = self._rest.find(end)
            if place < 0:
                return
            line, self._rest = self._rest[:place], self._rest[place + len(end) :]
            self._transport.write(self._answer(line))

    def _answer(self, line: bytes) -> bytes:
        if self._in_body:
            self._in_body = False
            return b"250 2.0.0 taken\r\n"
        verb = line[:4].upper()
        if verb == b"DATA":
            self._in_body = True
            return b"354 go on\r\n"
        return {b"EHLO": b"250-sink\r\n250 8BITMIME\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 2.0.0 well\r\n")


@contextmanager
def sink() -> Iterator[int]:
    """Run a sink in a process of its own; give its port."""
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "bench.sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as child:
        assert child.stdout is not None
        try:
            yield int(child.stdout.readline())
        finally:
            child.terminate()


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
