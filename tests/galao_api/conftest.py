"""The service in this process, and the service as its own process behind a real socket."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from galao.deploy.predictor import Predictor
from galao_api.app import create_app
from galao_api.models import Models
from galao_api.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("GALAO_"):
            monkeypatch.delenv(name)


@pytest.fixture
def make_client(tiny_bundle: Path) -> Iterator[Callable[..., TestClient]]:
    """A function that starts the service in this process: ``make_client(waiting_room=0)``."""
    opened: list[TestClient] = []

    def make(predictor: Predictor | None = None, **settings: object) -> TestClient:
        served = predictor or Predictor.load(tiny_bundle, backend="onnx", threads=1)
        app = create_app(Models([served]), Settings(**settings))  # type: ignore[arg-type]
        client = TestClient(app, raise_server_exceptions=True)
        client.__enter__()
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client: Callable[..., TestClient]) -> TestClient:
    """The service with its usual settings."""
    return make_client()


@dataclass
class Live:
    """A running ``galao serve``."""

    process: subprocess.Popen[str]
    port: int
    lines: list[str]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def peak_mb(self) -> float:
        """The largest resident size so far."""
        return self._status("VmHWM")

    def rss_mb(self) -> float:
        """The resident size now."""
        return self._status("VmRSS")

    def _status(self, field: str) -> float:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{field}:\s+(\d+) kB", text)
        assert found
        return int(found[1]) / 1024

    def stop(self, sent: int = signal.SIGTERM) -> int:
        """Ask it to leave; its exit code."""
        self.process.send_signal(sent)
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        """Make sure that it is gone."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


SERVE = "import sys; from galao.cli.serve import serve; serve(sys.argv[1:])"


def start_live(bundle: Path, *flags: str, **environment: str) -> Live:
    """Start ``galao serve`` on a free port and wait until it says where it is."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", SERVE, str(bundle), "--port", "0", "--backend", "onnx", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )
    assert process.stdout is not None
    lines: list[str] = []
    while (line := process.stdout.readline()) != "":
        lines.append(line.rstrip())
        found = re.search(r"on this machine\s+http://127\.0\.0\.1:(\d+)/", line)
        if found:
            return Live(process, int(found[1]), lines)
    raise AssertionError(f"galao serve ended with {process.wait()}: {lines}")


@pytest.fixture
def start(tiny_bundle: Path) -> Iterator[Callable[..., Live]]:
    """A function that starts the service as its own process: ``start(GALAO_WORKERS="1")``."""
    started: list[Live] = []

    def run(*flags: str, bundle: Path = tiny_bundle, **environment: str) -> Live:
        live = start_live(bundle, *flags, **environment)
        started.append(live)
        return live

    yield run
    for live in started:
        live.kill()


@pytest.fixture(scope="session")
def _shared() -> Iterator[list[Live]]:
    running: list[Live] = []
    yield running
    for live in running:
        live.kill()


@pytest.fixture
def live(_shared: list[Live], tiny_bundle: Path) -> Live:
    """The service with its usual settings, as one process for all tests that leave it running."""
    if not _shared or _shared[-1].process.poll() is not None:
        _shared.append(start_live(tiny_bundle))
    return _shared[-1]
