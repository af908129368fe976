"""The one way out to addresses that users write: resolve once, check every address, connect to the checked one."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import httpx

from engine.channels.addresses import is_public
from engine.errors import ChannelError

PORTS: Final = frozenset({80, 443, 8443})
REDIRECTS: Final = 3
KEEPING: Final = frozenset({307, 308})
"""Redirects that repeat the request as it was; we follow no others."""

LARGEST_ANSWER: Final = 1024 * 1024
SECONDS: Final = 10.0
KEPT: Final = 2_000

Resolve = Callable[[str, int], Awaitable[list[str]]]


class NotAllowed(ChannelError):
    """This address is not one that messages may go to; use a public one, or let an administrator allow it."""

    code = "channel.not_allowed"


class NotReached(ChannelError):
    """The server could not be reached; nothing was sent to it."""

    code = "channel.not_reached"
    retryable = True


class NoAnswer(ChannelError):
    """The request was sent and no answer came; nobody knows whether it was carried out."""

    code = "channel.no_answer"


class Answer(NamedTuple):
    """What a server said; of a long text only the beginning."""

    status: int
    headers: httpx.Headers
    text: str


async def look_up(host: str, port: int) -> list[str]:
    """Ask the resolver for all addresses of a host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


@dataclass
class Egress:
    """A client for other people's servers.

    ``allowed`` are hosts inside that an administrator lets messages go to, as ``host`` or ``host:port``.
    """

    allowed: frozenset[str] = frozenset()
    resolve: Resolve = look_up
    seconds: float = SECONDS
    _client: httpx.AsyncClient | None = field(default=None, repr=False)

    def open(self) -> None:
        """Make the client, in the running event loop."""
        # No proxies from the environment: they would resolve again. No connection is kept: addresses are shared by
        # hosts, and a kept one would carry another host's certificate.
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=httpx.Timeout(self.seconds, connect=self.seconds / 2),
        )

    async def close(self) -> None:
        """Give the client back."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make a request, and follow redirects that keep it what it is; other hosts get no headers of the user's.

        Errors: ``NotAllowed``, ``NotReached``, ``NoAnswer``.
        """
        target = _read_url(url)
        own = {name: value for name, value in headers.items() if _is_plain(name)}
        for _ in range(REDIRECTS + 1):
            answer = await self._send(method, target, headers, body)
            place = answer.headers.get("location")
            if answer.status not in KEEPING or not place:
                return answer
            following = _read_url(str(target.join(place)))
            if (following.host, following.port, following.scheme) != (target.host, target.port, target.scheme):
                headers = own
            target = following
        raise NotAllowed(f"the server redirected more than {REDIRECTS} times")

    async def _send(self, method: str, target: httpx.URL, headers: Mapping[str, str], body: bytes) -> Answer:
        if self._client is None:
            raise NotReached("the client is not open")
        address = await self._checked_address(target)
        bound = target.copy_with(host=address)
        try:
            request = self._client.build_request(
                method,
                bound,
                headers={**headers, "host": target.netloc.decode("ascii")},
                content=body,
                extensions={"sni_hostname": target.host},
            )
        except (ValueError, httpx.InvalidURL) as fault:
            raise NotAllowed(f"the request cannot be written: {fault}") from None
        return await self._exchange(self._client, request)

    async def _exchange(self, client: httpx.AsyncClient, request: httpx.Request) -> Answer:
        try:
            async with asyncio.timeout(self.seconds):
                response = await client.send(request, stream=True)
                try:
                    return Answer(response.status_code, response.headers, await _beginning(response))
                finally:
                    await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as fault:
            raise NotReached(f"{type(fault).__name__}: {fault}") from None
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as fault:
            raise NotAllowed(f"the request cannot be written: {fault}") from None
        except (httpx.HTTPError, TimeoutError) as fault:
            raise NoAnswer(f"{type(fault).__name__}: {fault}") from None

    async def _checked_address(self, target: httpx.URL) -> str:
        """Resolve once and give the address to connect to, if every one of them may be."""
        port = (443 if target.scheme == "https" else 80) if target.port is None else target.port
        named = target.host in self.allowed
        exactly = f"{target.host}:{port}" in self.allowed
        if port not in PORTS and not exactly:
            raise NotAllowed(f"port {port} is not allowed; use 443, 80 or 8443")
        try:
            addresses = await self.resolve(target.host, port)
        except (OSError, UnicodeError) as fault:
            raise NotReached(f"{target.host} cannot be resolved: {fault}") from None
        if not addresses:
            raise NotReached(f"{target.host} has no address")
        if not (named or exactly) and not all(is_public(address) for address in addresses):
            raise NotAllowed(f"{target.host} is not on the open internet")
        return addresses[0]


def _read_url(text: str) -> httpx.URL:
    """Read an address once; the check and the client both look at what this gives."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise NotAllowed("this is not a web address") from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or "%" in url.host:
        raise NotAllowed("a web address begins with https:// and a host, without a user")
    return url


def _is_plain(header: str) -> bool:
    """Tell whether a header is ours and may go to any host: the kind of content, and the signature."""
    return header.lower() == "content-type" or header.lower().startswith("webhook-")


async def _beginning(response: httpx.Response) -> str:
    """Read an answer, but not without end, and keep its beginning."""
    size, kept = 0, b""
    try:
        async for chunk in response.aiter_raw():
            size += len(chunk)
            kept = (kept + chunk)[:KEPT]
            if size > LARGEST_ANSWER:
                break
    except httpx.HTTPError:
        # The status has come; how the rest of the answer was lost does not matter.
        return kept.decode("utf-8", "replace")
    return kept.decode("utf-8", "replace")


def allowed_hosts(settings: Mapping[str, Any]) -> frozenset[str]:
    """Read the hosts that a workspace lets webhooks go to: ``{"webhooks": {"allow_hosts": ["host", "host:port"]}}``."""
    return frozenset(str(host).lower() for host in (settings.get("webhooks") or {}).get("allow_hosts") or ())
