"""What one rendering may use up, so that no template can keep the process busy or fill its memory."""

import time
from dataclasses import dataclass, field

from engine.errors import RenderError

LARGEST = 512 * 1024
"""Characters that one rendering, or one value inside of it, may have."""

WORK = 1_000_000
SECONDS = 2.0
NAME = "_budget"
"""Under this name the budget travels in a template's context; templates may not use names that begin so."""


@dataclass
class Budget:
    """How much work a rendering may still do, and until when."""

    left: int = WORK
    end: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def charge(self, work: int) -> None:
        """Take work off the budget.

        Errors: ``RenderError`` when it is used up.
        """
        self.left -= work
        if self.left < 0 or time.monotonic() > self.end:
            raise RenderError("the template does too much; loop over shorter lists")

    def text(self, length: int) -> None:
        """Pay for a text of a length before it is made.

        Errors: ``RenderError`` when it would be too long.
        """
        if length > LARGEST:
            raise RenderError(f"the template makes a text of more than {LARGEST} characters; make it shorter")
        self.charge(1 + length // 64)
