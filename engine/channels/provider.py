"""Short texts through a provider's HTTP interface: what SMS and WeCom share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from engine.channels.base import Outcome, Outgoing, in_doubt, permanent, sent, temporary
from engine.channels.egress import Answer, Egress, NoAnswer, NotAllowed, NotReached
from engine.channels.webhook import AGAIN, retry_after
from engine.terms import Micros


@dataclass(frozen=True)
class Provider:
    """Where texts are handed in, and with which key."""

    url: str
    key: str = field(default="", repr=False)
    sender: str = ""


def read_provider(settings: Mapping[str, Any], channel: str) -> Provider | None:
    """Read a channel's provider from a workspace's settings: ``{"sms": {"url", "key", "sender"?}}``."""
    given = settings.get(channel) or {}
    url = given.get("url")
    return Provider(str(url), str(given.get("key") or ""), str(given.get("sender") or "")) if url else None


@dataclass
class TextChannel:
    """Hand texts to a provider as JSON ``{"id", "to", "text", "from"?}`` with a bearer key.

    No provider is believed to know a repeat: what may have arrived is in doubt.
    """

    provider: Provider
    egress: Egress
    keyed: bool = False
    batch: int = 1

    async def open(self) -> None:
        """Make the client."""
        self.egress.open()

    async def deliver(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Hand texts in, one after the other."""
        return [await self._deliver(message) for message in messages]

    async def close(self) -> None:
        """Give the client back."""
        await self.egress.close()

    async def _deliver(self, message: Outgoing) -> Outcome:
        body = {"id": str(message.key), "to": message.address, "text": message.text}
        body |= {"from": self.provider.sender} if self.provider.sender else {}
        headers = {"content-type": "application/json", "idempotency-key": str(message.key)}
        if self.provider.key:
            headers["authorization"] = f"Bearer {self.provider.key}"
        try:
            answer = await self.egress.send("POST", self.provider.url, headers, orjson.dumps(body))
        except NotAllowed as refusal:
            # The provider's address is a setting: mended, the message can still go.
            return temporary(refusal.message)
        except NotReached as fault:
            return temporary(fault.message)
        except NoAnswer as fault:
            return in_doubt(fault.message)
        return self.judge(answer, message.at)

    def judge(self, answer: Answer, now: Micros) -> Outcome:
        """Read from an answer what became of a text."""
        told = f"{answer.status} {answer.text}"
        if 200 <= answer.status < 300:
            return sent(told)
        if answer.status in AGAIN:
            return temporary(told, retry_after(answer.headers, now))
        return in_doubt(told) if answer.status >= 500 else permanent(told)


def egress_for(provider: Provider, allowed: frozenset[str] = frozenset()) -> Egress:
    """Make the client for a provider: its host is an administrator's setting, so it may be inside."""
    found = urlsplit(provider.url)
    host = found.hostname or ""
    port = found.port or (443 if found.scheme == "https" else 80)
    return Egress(allowed | {f"{host}:{port}"})
