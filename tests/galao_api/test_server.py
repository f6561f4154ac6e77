"""``galao serve``: one line for each mistake, the address when it listens, a clean way out; and no torch on a CPU."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from galao.cli.serve import serve
from galao.deploy.predictor import Predictor
from galao.errors import BundleError, GalaoError
from galao_api.server import bind, greeting, lan_address, load_warm
from galao_api.settings import Settings

Encode = Callable[..., bytes]


def run_serve(*arguments: str) -> BaseException:
    """What ``galao serve`` raises; the command line turns a GalaoError into one line and exit code 1."""
    result = CliRunner().invoke(serve, arguments)
    assert result.exception is not None
    return result.exception


def assert_one_line(error: BaseException, *words: str) -> None:
    assert isinstance(error, GalaoError)
    assert "\n" not in str(error)
    for word in words:
        assert word in str(error)


def test_a_missing_bundle_is_one_line(tmp_path: Path):
    assert_one_line(run_serve(str(tmp_path / "nothing"), "--port", "0"), "nothing")


def test_a_folder_without_a_bundle_is_one_line(tmp_path: Path):
    assert_one_line(run_serve(str(tmp_path), "--port", "0"), "bundle.json")


def test_no_bundle_at_all_is_one_line():
    assert_one_line(run_serve("--port", "0"), "GALAO_BUNDLE")


def test_a_damaged_bundle_is_one_line(tiny_bundle: Path):
    with (tiny_bundle / "model.onnx").open("ab") as stream:
        stream.write(b"x")
    assert_one_line(run_serve(str(tiny_bundle), "--port", "0"), "model.onnx")


def test_a_taken_port_is_one_line(tiny_bundle: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert_one_line(run_serve(str(tiny_bundle), "--port", port), port, "--port")


def test_an_address_that_is_not_ours_is_one_line():
    for host in ("192.0.2.7", "no.such.host.invalid"):
        with pytest.raises(GalaoError) as error:
            bind(host, 0)
        assert_one_line(error.value, host, "--host")


def test_a_backend_without_its_file_is_one_line(tiny_bundle: Path):
    with pytest.raises(BundleError) as error:
        load_warm(Settings(bundle=tiny_bundle, backend="torch"))
    assert_one_line(error.value)


def test_a_wrong_flag_is_clicks_own_complaint():
    assert CliRunner().invoke(serve, ["x", "--backend", "caffe"]).exit_code == 2


def test_a_run_folder_serves_its_bundle(tiny_bundle: Path, tmp_path: Path):
    run = tmp_path / "run"
    shutil.copytree(tiny_bundle, run / "bundle")
    assert load_warm(Settings(bundle=run, backend="onnx")).bundle.name == "colours"


def test_the_greeting_says_where_to_look(tiny_bundle: Path):
    predictor = Predictor.load(tiny_bundle, backend="onnx")
    here = "\n".join(greeting(predictor, "127.0.0.1", 8080))
    assert "http://127.0.0.1:8080/" in here
    assert "--host 0.0.0.0" in here
    everywhere = "\n".join(greeting(predictor, "0.0.0.0", 8080))
    assert f"on the phone      http://{lan_address() or 'this-machine'}:8080/" in everywhere
    assert "http://[::1]:8080/" in "\n".join(greeting(predictor, "::1", 8080))


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_leaves_with_0(start: Callable, sent: int):
    live = start()
    with socket.create_connection(("127.0.0.1", live.port)):
        assert live.stop(sent) == 0


def test_on_sigterm_what_was_accepted_is_answered(start: Callable, colour_picture: Encode):
    live = start(GALAO_DRAIN_NOTICE_S="1.5")
    picture = colour_picture("green")
    with socket.create_connection(("127.0.0.1", live.port), timeout=20) as connection:
        head = f"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-length: {len(picture)}\r\n\r\n".encode()
        connection.sendall(head + picture[:100])
        time.sleep(0.2)
        live.process.send_signal(signal.SIGTERM)
        time.sleep(0.4)
        ready = httpx2.get(f"{live.url}/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "draining")
        assert httpx2.get(f"{live.url}/livez").status_code == 200
        assert httpx2.post(f"{live.url}/v1/predict", content=picture).status_code == 200
        time.sleep(1.7)
        with pytest.raises(OSError, match=r"refused|reset"):
            socket.create_connection(("127.0.0.1", live.port), timeout=5).recv(1)
        connection.sendall(picture[100:])
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"][0]["label"] == "plain_green"
    assert live.process.wait(timeout=20) == 0


def test_who_never_finishes_does_not_keep_the_server(start: Callable):
    live = start(GALAO_DRAIN_NOTICE_S="0", GALAO_DRAIN_S="1")
    with socket.create_connection(("127.0.0.1", live.port), timeout=20) as connection:
        connection.sendall(b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc")
        time.sleep(0.2)
        started = time.monotonic()
        assert live.stop() == 0
        assert time.monotonic() - started < 8


ANSWER = """
import sys
from pathlib import Path
from starlette.testclient import TestClient
from galao_api.app import create_app
from galao_api.models import Models
from galao_api.server import load_warm
from galao_api.settings import Settings
settings = Settings(bundle=Path(sys.argv[1]), backend="onnx")
with TestClient(create_app(Models([load_warm(settings)]), settings)) as client:
    response = client.post("/v1/predict", content=Path(sys.argv[2]).read_bytes())
assert response.status_code == 200, response.text
heavy = [name for name in ("torch", "torchvision", "onnx", "galao.nets", "galao.data") if name in sys.modules]
assert not heavy, heavy
"""


def test_an_answer_on_a_cpu_loads_no_torch(tiny_bundle: Path, colour_picture: Encode, tmp_path: Path):
    picture = tmp_path / "red.png"
    picture.write_bytes(colour_picture("red", "PNG"))
    command = [sys.executable, "-P", "-c", ANSWER, str(tiny_bundle), str(picture)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_running_server_on_a_cpu_maps_no_torch(live, colour_picture: Encode):
    assert httpx2.post(f"{live.url}/v1/predict", content=colour_picture()).status_code == 200
    maps = Path(f"/proc/{live.process.pid}/maps").read_text()
    assert "onnxruntime" in maps
    assert "libtorch" not in maps
