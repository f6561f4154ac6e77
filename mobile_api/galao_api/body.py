"""A request's body as it comes in: counted, timed and charged to a common budget, so that memory stays bounded.

Starlette's ``RequestBodyLimitMiddleware`` counts too, but answers text/plain where the route never reads the body,
knows no deadline and no budget over all requests; this is the same idea with those three.
"""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from galao_api.problems import Problem
from galao_api.settings import Settings
from galao_api.visit import Visit, visit_of

SMALL_BYTES = 512 * 1024
RESERVED_SHARE = 1 / 3


class HeldBytes:
    """Bytes of uploads in memory right now, over all requests.

    Beyond the budget a request is refused, not queued. A third of it is kept for small uploads (a shrunk
    photo has some 40 KB), so that a few huge ones cannot shut everybody else out.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.held = 0

    def take(self, count: int, held_by_request: int) -> None:
        """Charge ``count`` more bytes to a request that holds ``held_by_request`` already.

        Raises:
            Problem: the budget is used up (503).
        """
        small = held_by_request + count <= SMALL_BYTES
        budget = self.budget if small else int(self.budget * (1 - RESERVED_SHARE))
        if self.held + count > budget:
            raise Problem("busy", "Too many large uploads at the same time; try again shortly.", retry_after_s=2)
        self.held += count

    def give_back(self, count: int) -> None:
        """The request is answered and its bytes are gone."""
        self.held -= count


class Body:
    """The way in of one request."""

    def __init__(self, receive: Receive, headers: Headers, visit: Visit, settings: Settings, held: HeldBytes) -> None:
        self._receive = receive
        self._declared = content_length(headers)
        self._visit = visit
        self._limit = int(settings.max_request_bytes)
        self._timeout_s = settings.body_timeout_s
        self._budget = held
        self._deadline: float | None = None
        self._ended = False
        self.held = 0

    async def receive(self) -> Message:
        """The next piece, refused as soon as the limit is passed: nothing is buffered beyond it."""
        if self._ended:
            return await self._receive()
        if self._declared > self._limit:
            raise too_large_request(self._limit)
        message = await self._in_time()
        if message["type"] == "http.request":
            self._count(len(message.get("body", b"")))
            self._ended = not message.get("more_body", False)
        return message

    def charge(self, count: int) -> None:
        """Charge bytes that are held besides the body itself (decoded base64)."""
        self._budget.take(count, self.held)
        self.held += count

    async def _in_time(self) -> Message:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._timeout_s
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        raise Problem("slow_body", f"The body must arrive within {self._timeout_s:g} s; send a smaller picture.")

    def _count(self, count: int) -> None:
        self._visit.bytes_in += count
        if self._visit.bytes_in > self._limit:
            raise too_large_request(self._limit)
        self.charge(count)


class BodyGate:
    """ASGI middleware that puts a ``Body`` before every request."""

    def __init__(self, app: ASGIApp, settings: Settings, held: HeldBytes) -> None:
        self.app = app
        self.settings = settings
        self.held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; give its bytes back when it is answered."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        body = Body(receive, Headers(scope=scope), visit_of(scope), self.settings, self.held)
        scope["state"]["body"] = body
        try:
            await self.app(scope, body.receive, send)
        finally:
            self.held.give_back(body.held)


def too_large_request(limit: int) -> Problem:
    """413 for the whole request."""
    detail = f"The request is over the limit of {limit:,} bytes ({limit / 2**20:g} MB)."
    return Problem("request_too_large", detail, extra={"limit_bytes": limit})


def too_large_picture(limit: int) -> Problem:
    """413 for one picture."""
    detail = f"The picture is over the limit of {limit:,} bytes ({limit / 2**20:g} MB); shrink it before sending."
    return Problem("picture_too_large", detail, extra={"limit_bytes": limit})


def content_length(headers: Headers) -> int:
    """What the request says of its body's length, 0 if it says nothing."""
    with suppress(ValueError, KeyError):
        return int(headers["content-length"])
    return 0
