"""A real HTTP server in a thread, for requests that leave the house."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Came(NamedTuple):
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Receiver:
    """Answer as told; ``None`` cuts the connection after the request has been read."""

    answer: Callable[[Came], Reply | None] = lambda came: (200, {}, b"ok")
    came: list[Came] = field(default_factory=list)
    port: int = 0

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def receiver(answer: Callable[[Came], Reply | None] | None = None) -> Iterator[Receiver]:
    """Let an HTTP server run on a port of its own."""
    who = Receiver(answer) if answer else Receiver()

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            came = Came(self.command, self.path, headers, body)
            who.came.append(came)
            reply = who.answer(came)
            if reply is None:
                self.close_connection = True
                return
            status, more, text = reply
            self.send_response(status)
            for name, value in {"content-length": str(len(text)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _take  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    who.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield who
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
