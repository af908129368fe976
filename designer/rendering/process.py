"""The engine's side of the rendering child: starts it, feeds it batches, ends it when it hangs, finds the culprit."""

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from designer.rendering.frames import read_frame, write_frame
from designer.rendering.renderer import JinjaRenderer, Job, Piece
from engine.errors import MissingVariable, RenderError
from engine.terms import Json

BATCH = 100
SECONDS = 20.0
"""How long a batch may take by the clock on the wall; its processor time is limited by the child itself."""


DEATHS = 3
"""After this many ended children the same templates are refused at once, so that they cannot hold everybody up."""

_TOO_MUCH = "the template took too long or too much memory; make it simpler"


class ConfinedRenderer(JinjaRenderer):
    """Check and preview here; render messages in a child process that can be ended at any time.

    Safe to use from several threads, one at a time.
    """

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()
        self._deaths: Counter[tuple[Piece, ...]] = Counter()

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process without the child: there it gets one of its own."""
        return partial(type(self), seconds=self._seconds), ()

    def render_many(self, batch: Sequence[Job]) -> list[list[Json] | RenderError]:
        """Render the pieces of many messages; a fault takes the place of a message that cannot be rendered.

        Cost: one exchange with the child for each hundred; more when one of them ends the child.
        """
        with self._turn:
            deadly = [place for place, (pieces, _) in enumerate(batch) if self._is_deadly(pieces)]
            rest = [job for place, job in enumerate(batch) if place not in set(deadly)] if deadly else batch
            rendered: list[list[Json] | RenderError] = []
            for start in range(0, len(rest), BATCH):
                rendered.extend(self._render(rest[start : start + BATCH]))
            for place in deadly:
                rendered.insert(place, RenderError(_TOO_MUCH))
            return rendered

    def close(self) -> None:
        """End the child."""
        with self._turn:
            self._end()

    def _render(self, jobs: Sequence[Job]) -> list[list[Json] | RenderError]:
        answers = self._exchange(jobs)
        if answers is not None:
            return [_read(answer) for answer in answers]
        if len(jobs) == 1:
            self._deaths[tuple(jobs[0][0])] += 1
            return [RenderError(_TOO_MUCH)]
        middle = len(jobs) // 2
        return self._render(jobs[:middle]) + self._render(jobs[middle:])

    def _is_deadly(self, pieces: Sequence[Piece]) -> bool:
        """Tell whether these templates have ended the child so often that they are not tried again."""
        return bool(self._deaths) and self._deaths[tuple(pieces)] >= DEATHS

    def _exchange(self, jobs: Sequence[Job]) -> list[Any] | None:
        """Ask the child; ``None`` when it ended over it."""
        child = self._living()
        to, back = child.stdin, child.stdout
        if to is None or back is None:
            return None
        alarm = threading.Timer(self._seconds, child.kill)
        alarm.start()
        try:
            write_frame(to, _pack(jobs))
            answers = read_frame(back)
        except OSError:
            answers = None
        finally:
            alarm.cancel()
        if not isinstance(answers, list):
            self._end()
            return None
        return answers

    def _living(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            # No environment but the way to our own code: a template could not read a secret even if it broke out.
            self._child = subprocess.Popen(
                [sys.executable, "-m", "designer.rendering.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONUTF8": "1"},
                cwd=os.sep,
            )
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    # What was still to be written has nowhere to go.
                    continue


def _pack(jobs: Sequence[Job]) -> dict[str, object]:
    """Send each template once, however many messages it is for."""
    sources: dict[str, int] = {}
    packed = [
        ([(mode, sources.setdefault(source, len(sources))) for mode, source in pieces], context)
        for pieces, context in jobs
    ]
    return {"sources": list(sources), "jobs": packed}


def _read(answer: Any) -> list[Json] | RenderError:
    if isinstance(answer, list):
        return answer
    kind = MissingVariable if answer["code"] == MissingVariable.code else RenderError
    return kind(answer["message"], **answer["facts"])
