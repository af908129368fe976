"""The Segment HTTP tracking API: ``POST /v1/{identify,track,page,screen,group,alias,batch,import}``.

An answer of 200 means that everything accepted is committed.
"""

import asyncio
import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from engine.api.ingest import BATCHES, KINDS, Ingest, IntakeFull, Taken
from engine.errors import AccessError, EngineError

WIRE_BYTES: Final = 500 * 1024
INFLATED_BYTES: Final = 5_000_000
RETRY_SECONDS: Final = 5
ADDRESSES: Final = frozenset((*KINDS, *BATCHES))

_ANYWHERE: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization, content-type, content-encoding",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Max-Age": "86400",
}
"""Browsers send events from the pages of others; a write key is all that they need."""


class _Unreadable(Exception):
    """A body is not read: too large, or packed in a way that is not known."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code


def ingest_router(ingest: Ingest) -> APIRouter:
    """Make the router for the tracking API."""
    router = APIRouter(prefix="/v1", include_in_schema=False)

    @router.post("/{kind}")
    async def take(kind: str, request: Request) -> Response:
        if kind not in ADDRESSES:
            raise HTTPException(404, "there is no such call")
        try:
            body = await _body(request)
        except _Unreadable as fault:
            return _refused(fault.status, fault.code, str(fault))
        try:
            taken = await run_in_threadpool(ingest.take, kind, _key(request), body)
            await asyncio.wrap_future(taken.done)
        except AccessError as fault:
            return _refused(401, fault.code, fault.message, {"WWW-Authenticate": 'Basic realm="write key"'})
        except IntakeFull as fault:
            return _refused(429, fault.code, fault.message, {"Retry-After": str(fault.retry_after)})
        except EngineError as fault:
            if not fault.retryable:
                raise
            return _refused(503, fault.code, fault.message, {"Retry-After": str(RETRY_SECONDS)})
        return _answer(taken)

    @router.options("/{kind}")
    def preflight(kind: str) -> Response:
        return Response(status_code=204, headers=_ANYWHERE)

    return router


async def _body(request: Request) -> bytes:
    """Read a body, and unpack it, but never more than it may have."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise _Unreadable(415, "encoding", "a body is plain or packed with gzip")
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > WIRE_BYTES:
            raise _Unreadable(413, "too_large", f"a body has at most {WIRE_BYTES // 1024} kB")
        pieces.append(piece)
    body = b"".join(pieces)
    return _unpacked(body) if encoding == "gzip" else body


def _unpacked(body: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        found = unpacking.decompress(body, INFLATED_BYTES)
    except zlib.error:
        raise _Unreadable(400, "encoding", "the body is not packed with gzip") from None
    if unpacking.unconsumed_tail:
        raise _Unreadable(413, "too_large", f"a body has at most {INFLATED_BYTES // 1_000_000} MB when unpacked")
    if not unpacking.eof:
        raise _Unreadable(400, "encoding", "the body ends too early")
    return found


def _key(request: Request) -> str | None:
    """Read the write key: the name of Basic authentication, without a password."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, _ = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name or None


def _answer(taken: Taken) -> Response:
    if not taken.refused:
        return JSONResponse({"success": True}, headers=_ANYWHERE)
    errors = [{"index": each.position, "reason": each.reason, "code": each.code} for each in taken.refused]
    # A batch of which some calls are refused is done: sending it again would change nothing.
    answer = {"success": False, "errors": errors, "accepted": taken.accepted}
    return JSONResponse(answer, status_code=400 if taken.whole else 200, headers=_ANYWHERE)


def _refused(status: int, code: str, reason: str, headers: Mapping[str, str] | None = None) -> Response:
    error = {"index": 0, "reason": reason, "code": code}
    answer = {"success": False, "errors": [error], "accepted": 0}
    return JSONResponse(answer, status_code=status, headers={**_ANYWHERE, **(headers or {})})
