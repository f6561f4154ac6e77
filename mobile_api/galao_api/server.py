"""From a bundle to a listening server: load, warm up, listen, drain, leave with 0."""

import io
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from PIL import Image

from galao.deploy.bundle import find_bundle
from galao.deploy.predictor import Predictor, open_source
from galao.errors import BundleError, GalaoError
from galao.pictures.decode import Limits
from galao_api.app import create_app
from galao_api.context import Service
from galao_api.models import Models
from galao_api.protocol import guarded
from galao_api.settings import Settings

Say = Callable[[str], None]


def serve(settings: Settings, say: Say = print) -> None:
    """Serve ``settings.bundle`` until SIGTERM or Ctrl-C.

    Raises:
        GalaoError: the bundle cannot be served, or the address is not to be had.
    """
    with bind(settings.host, settings.port) as listener:
        predictor = load_warm(settings)
        app = create_app(Models([predictor]), settings)
        lines = greeting(predictor, settings.host, listener.getsockname()[1])
        log_to_stderr()
        Drained(uvicorn_config(app, settings), app.state.service, lambda: say("\n".join(lines))).run([listener])


def bind(host: str, port: int) -> socket.socket:
    """Take the address; nobody can connect before the model is warm, as the socket does not listen yet.

    Raises:
        GalaoError: the port is taken or the address is not ours.
    """
    listener: socket.socket | None = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        hint = "stop what listens there or choose another --port" if port > 0 else "choose another --host"
        raise GalaoError(f"cannot listen on {host} port {port}: {error.strerror or error}; {hint}") from None
    return listener


def load_warm(settings: Settings) -> Predictor:
    """Load the bundle and answer one grey picture, from its bytes on, so that the first visitor does not wait.

    Raises:
        BundleError: none was given, or it cannot be served.
    """
    if settings.bundle is None:
        raise BundleError("no bundle to serve; give its folder, or set GALAO_BUNDLE")
    predictor = Predictor.load(find_bundle(settings.bundle), backend=settings.backend)
    predictor.warm_up()
    open_source(_grey_png(), predictor.bundle.preprocessing, Limits())
    return predictor


def _grey_png() -> bytes:
    stream = io.BytesIO()
    Image.new("L", (64, 64), 128).save(stream, "PNG")
    return stream.getvalue()


def greeting(predictor: Predictor, host: str, port: int) -> list[str]:
    """What a person wants to know: what is served, and what to open where."""
    bundle = predictor.bundle
    lines = [f"{bundle.name}@{bundle.version}: {bundle.num_output} classes, {bundle.net}, {predictor.backend.name}"]
    everywhere = host in {"0.0.0.0", "::"}  # noqa: S104  (compared, not bound)
    shown = f"[{host}]" if ":" in host else host
    lines.append(f"on this machine   http://{'127.0.0.1' if everywhere else shown}:{port}/")
    if everywhere:
        lines.append(f"on the phone      http://{lan_address() or 'this-machine'}:{port}/   (same Wi-Fi)")
    elif host in {"127.0.0.1", "localhost", "::1"}:
        lines.append("for a phone       add --host 0.0.0.0: everybody in your network can then ask")
    return lines


def lan_address() -> str | None:
    """This machine's address in its network; found without sending anything (192.0.2.0/24 is never routed)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def uvicorn_config(app: object, settings: Settings) -> uvicorn.Config:
    """Uvicorn with our protocol, our log, and without what we do not use."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=guarded(settings),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
    )


def log_to_stderr() -> None:
    """One line per request and per failure, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name, level in (("galao", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


class Drained(uvicorn.Server):
    """A server that says that it leaves before it closes the door, answers what it took, and exits with 0."""

    def __init__(self, config: uvicorn.Config, service: Service, greet: Callable[[], None]) -> None:
        super().__init__(config)
        self._service = service
        self._greet = greet
        self._close_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and only then say where."""
        await super().startup(sockets)
        self._greet()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM or Ctrl-C: /readyz says 503 at once, the door closes a moment later; twice Ctrl-C: leave now."""
        if self._close_at is not None and sig == signal.SIGINT:
            self.should_exit = self.force_exit = True
        self._service.draining = True
        if self._close_at is None:
            notice_s = self._service.settings.drain_notice_s if sig == signal.SIGTERM else 0.0
            self._close_at = time.monotonic() + notice_s

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if self._close_at is not None and time.monotonic() >= self._close_at:
            self.should_exit = True
        return await super().on_tick(counter)
