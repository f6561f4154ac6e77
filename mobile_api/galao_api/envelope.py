"""The outermost layer: request id, Server-Timing, security headers, one log line, and no trace ever leaves."""

import logging
import urllib.parse
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from galao_api.problems import Problem, respond
from galao_api.visit import Visit, request_id_from

log = logging.getLogger("galao.access")

SECURITY_HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class Envelope:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens below."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        visit = Visit(request_id_from(Headers(scope=scope).get("x-request-id")))
        scope.setdefault("state", {})["visit"] = visit
        reply = _Reply(send, visit, head=scope["method"] == "HEAD")
        try:
            await self.app(_head_as_get(scope), receive, reply.send)
        except Exception:
            log.exception("request %s failed", visit.request_id)
            if not reply.started:
                await self._apologise(scope, receive, reply)
        finally:
            _log_line(scope, visit)

    async def _apologise(self, scope: Scope, receive: Receive, reply: "_Reply") -> None:
        problem = Problem("internal", "The fault is ours and has been noted; quote the request_id when you report it.")
        await respond(problem, reply.visit.request_id)(scope, receive, reply.send)


class _Reply:
    """The way out: adds the headers that every answer has."""

    def __init__(self, send: Send, visit: Visit, *, head: bool) -> None:
        self._send = send
        self.visit = visit
        self.head = head
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.visit.status = message["status"]
            self._add_headers(MutableHeaders(scope=message))
        elif self.head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)

    def _add_headers(self, headers: MutableHeaders) -> None:
        headers["x-request-id"] = self.visit.request_id
        headers["server-timing"] = self.visit.server_timing()
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)


def _head_as_get(scope: Scope) -> Scope:
    """HEAD is answered as GET without its body (RFC 9110, 9.3.2)."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


def _log_line(scope: Scope, visit: Visit) -> None:
    """Method, path, status, size, time, id: no picture, no query string, no headers."""
    path = urllib.parse.quote(scope["path"][:200])
    log.info(
        "%s %s %s %s in=%dB %.1fms id=%s%s",
        (scope.get("client") or ("-", 0))[0],
        scope["method"],
        path,
        visit.status or "gone",
        visit.bytes_in,
        visit.total_ms(),
        visit.request_id,
        f" {visit.note}" if visit.note else "",
    )
