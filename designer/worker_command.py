"""The command that runs flows beside ``dripline serve``, on this machine or another one, without pages."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Annotated

import typer

from designer import terminal
from engine.errors import StoreError
from engine.wiring import Wiring

Run = Callable[[Wiring], Callable[[], bool]]
"""Begins to work, and gives what stops it and tells whether all came to rest in time."""


def worker_command(wire: Callable[[str | None], Wiring], run: Run) -> Callable[..., None]:
    """Make the command; ``wire`` connects an engine to a database, ``run`` runs its flows."""

    def worker(
        port: Annotated[
            int | None, typer.Option(min=0, max=65_535, metavar="N", help="Answer /health at this port.")
        ] = None,
        host: Annotated[str, typer.Option(help="Address at which /health is answered.")] = "127.0.0.1",
        db: Annotated[str | None, typer.Option("--db", metavar="URL", help="The database, PostgreSQL.")] = None,
    ) -> None:
        """Run flows and hand messages over, without pages; any number of workers share one PostgreSQL."""
        from engine.telemetry import begin_logging  # noqa: PLC0415 - starting up takes no time

        wiring = wire(db)
        if wiring.store.name == "sqlite":
            raise StoreError("one SQLite file has one writer: run dripline serve alone, or use PostgreSQL for workers")
        begin_logging(wiring.settings.log_level)
        told = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: told.set())
        stop = run(wiring)
        if port is not None:
            threading.Thread(target=_answer, args=(wiring, host, port), daemon=True).start()
        terminal.note(f"{wiring.worker} works on {wiring.store.engine.url.render_as_string()} (Ctrl+C stops it)")
        told.wait()
        if not stop():
            # As with dripline serve: what does not end is not waited for, and is found again.
            os._exit(0)

    return worker


def _answer(wiring: Wiring, host: str, port: int) -> None:
    import uvicorn  # noqa: PLC0415 - a worker without it needs no web server
    from fastapi import FastAPI  # noqa: PLC0415 - as above

    from designer.routes.health import health_router  # noqa: PLC0415 - as above

    app = FastAPI(openapi_url=None)
    app.include_router(health_router(wiring))
    uvicorn.run(app, host=host, port=port, log_level="warning")
