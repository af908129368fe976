"""Messages in WeCom (企业微信), through a gateway that the workspace's settings name."""

from typing import Any, Final

import orjson

from engine.channels.base import Outcome, permanent, temporary
from engine.channels.egress import Answer
from engine.channels.provider import TextChannel
from engine.terms import MINUTE, Micros

_LIMITS: Final = frozenset({-1, 45009, 45033})
"""Codes that pass: the system is busy, or calls come too fast."""


class WecomChannel(TextChannel):
    """Hand messages to WeCom; it answers 200 also when it refuses, and says so in ``errcode``."""

    def judge(self, answer: Answer, now: Micros) -> Outcome:
        """Read the code inside of the answer first."""
        code = _code(answer)
        if code is None or code == 0 or not 200 <= answer.status < 300:
            return super().judge(answer, now)
        told = f"{answer.status} {answer.text}"
        return temporary(told, MINUTE) if code in _LIMITS else permanent(told)


def _code(answer: Answer) -> int | None:
    try:
        told: Any = orjson.loads(answer.text)
    except orjson.JSONDecodeError:
        return None
    code = told.get("errcode") if isinstance(told, dict) else None
    return code if isinstance(code, int) else None
