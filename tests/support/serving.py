"""Serve an engine on a free port of this machine, for a browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from designer.app import create_app
from engine.api.documents import read_shipped
from engine.wiring import Wiring
from tests.law.sources import ROOT

SECONDS = 20


@contextmanager
def served(wiring: Wiring, **options: Any) -> Iterator[str]:
    """Serve until the end of the block; give the address. Visitors are a demo's: they need not sign in."""
    app = create_app(wiring, **{"is_demo": True, "shipped": read_shipped(ROOT / "flows"), **options})
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
    server = _Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    if not server.is_ready.wait(SECONDS):
        raise RuntimeError("the server did not start")
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(SECONDS)


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_ready = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.is_ready.set()
