"""The process that renders messages: it may use little memory and time, writes no files and knows no secrets.

Started as ``python -m designer.rendering.child`` by ``designer.rendering.process``.
"""

import resource
import sys
from typing import Any, BinaryIO

from designer.rendering.frames import read_frame, write_frame
from designer.rendering.renderer import JinjaRenderer
from engine.errors import RenderError

MEMORY = 512 * 1024 * 1024
CPU_SECONDS = 2
JOBS_PER_SECOND = 20
OPEN_FILES = 16


def confine() -> None:
    """Give up what rendering does not need, for good."""
    for name, limit in (("RLIMIT_AS", MEMORY), ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0), ("RLIMIT_NOFILE", OPEN_FILES)):
        try:
            resource.setrlimit(getattr(resource, name), (limit, limit))
        except (ValueError, OSError):
            # Some systems do not know this limit; the others still hold.
            continue


def allow_time(jobs: int) -> None:
    """Let the kernel end this process when it works on a batch for too long."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + CPU_SECONDS + jobs // JOBS_PER_SECOND
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, most))


def serve(received: BinaryIO, answered: BinaryIO) -> None:
    """Answer batches until the other end closes."""
    renderer = JinjaRenderer()
    while isinstance(batch := read_frame(received), dict):
        allow_time(len(batch["jobs"]))
        write_frame(answered, [_answer(renderer, batch["sources"], job) for job in batch["jobs"]])


def _answer(renderer: JinjaRenderer, sources: list[str], job: list[Any]) -> object:
    pieces, context = job
    try:
        result = renderer.render_one(([(mode, sources[place]) for mode, place in pieces], context))
    except MemoryError:
        result = RenderError("the template needs too much memory")
    if isinstance(result, RenderError):
        return {"code": result.code, "message": result.message, "facts": result.facts}
    return result


if __name__ == "__main__":
    confine()
    serve(sys.stdin.buffer, sys.stdout.buffer)
