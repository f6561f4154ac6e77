"""uvicorn's HTTP protocol with the limits that it lacks: size and time of headers, connections, lingering clients."""

import asyncio
import http
import json
import secrets
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from galao_api.problems import MEDIA_TYPE, Problem
from galao_api.settings import Settings

LINGER_S = 10.0
"""How long a client may go on sending a body that was refused already: closing at once would reset the connection
before it has read why."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection. ``settings`` is set on a subclass by ``guarded``."""

    settings: Settings

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._max_header_bytes = int(self.settings.max_header_bytes)
        self._header_bytes = 0
        self._in_headers = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            self._refuse(Problem("busy", "Too many open connections; try again shortly.", retry_after_s=5))
            return
        self._start_timer(self.settings.header_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count header bytes before anything keeps them."""
        if self.transport.is_closing():
            return
        if self._in_headers or self._idle():
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > self._max_header_bytes:
            self._refuse_headers()
        if self._idle() and self._timer is None:
            self._start_timer(self.settings.header_timeout_s)

    def on_message_begin(self) -> None:
        """A request starts: its headers have their own clock."""
        super().on_message_begin()
        self._in_headers = True
        self._start_timer(self.settings.header_timeout_s)

    def on_headers_complete(self) -> None:
        """The headers are in; the body's clock is the application's."""
        self._in_headers = False
        self._header_bytes = 0
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > self._max_header_bytes:
            self._refuse_headers()
            return
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body; of a refused request nothing is kept."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_response_complete(self) -> None:
        """Answered; a body that is still coming in is thrown away for a while, then the connection is closed."""
        if self.cycle.more_body:
            self._start_timer(LINGER_S)
        super().on_response_complete()

    def on_message_complete(self) -> None:
        """The whole request is in; if it was answered before that, the connection is idle again."""
        if self.transport.is_closing():
            return
        self._stop_timer()
        if self.cycle.response_complete:
            self._start_timer(self.timeout_keep_alive)
        super().on_message_complete()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client sends no more; if its request is complete it still gets its answer."""
        if self._idle() or self.cycle.more_body:
            return None
        self.cycle.keep_alive = False
        return True

    def send_400_response(self, msg: str) -> None:
        """What the parser refuses, as problem+json like everything else."""
        self._refuse(Problem("malformed", msg))

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _refuse_headers(self) -> None:
        detail = f"The request line and headers are over the limit of {self._max_header_bytes:,} bytes."
        self._refuse(Problem("headers_too_large", detail, extra={"limit_bytes": self._max_header_bytes}))

    def _refuse(self, problem: Problem) -> None:
        """Say what is wrong and close; a request that is whole already gets its answer first."""
        if self.transport.is_closing():
            return
        if not self._idle() and not self.cycle.more_body:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if self._idle() or not self.cycle.response_started:
            self.transport.write(_raw(problem))
        if not self._idle():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def guarded(settings: Settings) -> type[GuardedProtocol]:
    """The protocol class with these limits."""
    return type("GuardedProtocol", (GuardedProtocol,), {"settings": settings})


def _raw(problem: Problem) -> bytes:
    """A whole answer, for requests that never become one."""
    request_id = secrets.token_hex(8)
    body = json.dumps(problem.document(request_id)).encode()
    status = problem.kind.status
    head = [
        f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        f"x-request-id: {request_id}",
        *(f"{name}: {value}" for name, value in problem.headers.items()),
        "connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body
