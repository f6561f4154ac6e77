"""What we know about one request while it is with us: its id, its times, its size."""

import re
import secrets
import time
from dataclasses import dataclass, field

from starlette.types import Scope

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}")


@dataclass(slots=True)
class Visit:
    """One request; the envelope makes it, routes add their times (milliseconds)."""

    request_id: str
    started: float = field(default_factory=time.perf_counter)
    timing_ms: dict[str, float] = field(default_factory=dict)
    bytes_in: int = 0
    status: int = 0
    note: str = ""

    def total_ms(self) -> float:
        """Milliseconds since the request's headers were read."""
        return (time.perf_counter() - self.started) * 1000

    def server_timing(self) -> str:
        """The times as a Server-Timing header."""
        times = self.timing_ms | {"total": self.total_ms()}
        return ", ".join(f"{name};dur={ms:.1f}" for name, ms in times.items())


def visit_of(scope: Scope) -> Visit:
    """The visit that belongs to an ASGI scope."""
    visit = scope["state"]["visit"]
    assert isinstance(visit, Visit)
    return visit


def request_id_from(header: str | None) -> str:
    """The caller's X-Request-ID if it is plain and short, else a new one (nobody writes our log lines for us)."""
    if header is not None and _ACCEPTED_ID.fullmatch(header):
        return header
    return secrets.token_hex(8)
