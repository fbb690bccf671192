"""Middleware before every route: the token, the limits of bodies and of open requests, and the metrics."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from anyio import fail_after
from starlette.responses import JSONResponse

from segcli.serve.faults import RefusedError, busy
from segcli.serve.metrics import Metrics
from segcli.serve.replies import fault_body
from segcli.serve.settings import Limits

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN_PATHS = ("/", "/docs", "/openapi.json", "/health", "/ready", "/v2/health/live", "/v2/health/ready")
PAGE_FILES = "/page/"
"""Paths that need no token: health, the API description, and the page, on which the user enters the token."""
OTHER_ROUTE = "other"
_UNAUTHORISED, _TOO_LARGE, _TIMEOUT = 401, 413, 408
_DISCARD_SECONDS = 5.0


class ClientGoneError(Exception):
    """The client closed the connection before the whole request was received."""


@dataclass(frozen=True)
class Gate:
    """ASGI middleware: checks the token and the limits, and counts requests.

    Attributes:
        app: The wrapped application.
        limits: Limits for requests.
        metrics: Counters of the service.
        capacity: Most POST requests that may be open at the same time.
        token: Token that clients must send; None requires none.
        routes: Paths with counters of their own; others are counted together.
        open_requests: Ids of the open requests.
    """

    app: App
    limits: Limits
    metrics: Metrics
    capacity: int
    token: str | None
    routes: frozenset[str]
    open_requests: set[int]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or refuses it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        route = scope["path"] if scope["path"] in self.routes else OTHER_ROUTE
        statuses: list[int] = []

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        begin = time.perf_counter()
        self.metrics.in_flight.inc()
        try:
            await self._answer(scope, receive, watched)
        finally:
            self.metrics.in_flight.dec()
            self.metrics.requests.labels(route, str(statuses[0] if statuses else "none")).inc()
            self.metrics.seconds.labels(route).observe(time.perf_counter() - begin)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        number = id(scope)
        try:
            self._require_token(scope)
            if scope["method"] != "POST":
                await self.app(scope, receive, send)
                return
            if len(self.open_requests) >= self.capacity:
                raise busy("too many requests are open")
            self.open_requests.add(number)
            body = await self._body(scope, receive)
            await self.app(scope, _replay(body, receive), send)
        except RefusedError as refusal:
            await self._discard(receive)
            content = fault_body(scope["path"], refusal.status, refusal.message)
            await JSONResponse(content, refusal.status, {**refusal.headers, "Connection": "close"})(
                scope, receive, send
            )
        except ClientGoneError:
            return
        finally:
            self.open_requests.discard(number)

    def _require_token(self, scope: Scope) -> None:
        path = scope["path"]
        if self.token is None or path in OPEN_PATHS or path.startswith(PAGE_FILES):
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            raise RefusedError(_UNAUTHORISED, "send the service's token: Authorization: Bearer TOKEN")

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body, within its limits."""
        most = self.limits.body_bytes
        too_large = RefusedError(_TOO_LARGE, f"the body is larger than {most:,} bytes")
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if stated.isdigit() and int(stated) > most:
            raise too_large
        body = bytearray()
        try:
            with fail_after(self.limits.body_seconds):
                async for piece in _pieces(receive):
                    body += piece
                    if len(body) > most:
                        raise too_large
        except TimeoutError as fault:
            raise RefusedError(_TIMEOUT, f"the body took more than {self.limits.body_seconds:g} s") from fault
        return bytes(body)

    async def _discard(self, receive: Receive) -> None:
        """Keeps reading for a moment, so that a client that is still sending receives the reply."""
        left = self.limits.body_bytes
        try:
            with fail_after(_DISCARD_SECONDS):
                async for piece in _pieces(receive):
                    left -= len(piece)
                    if left < 0:
                        return
        except (TimeoutError, ClientGoneError):
            return


async def _pieces(receive: Receive) -> Any:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        more = message.get("more_body", False)
        yield message.get("body", b"")


def _replay(body: bytes, receive: Receive) -> Receive:
    """Returns the body once, then the messages of the connection."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
