"""A real process, a real socket, and clients that are broken, slow or bad: it keeps answering, in little memory."""

import base64
import io
import json
import re
import socket
import time
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from PIL import Image

Encode = Callable[..., bytes]
LIMIT_MB = 500
ODD_IMAGES = Path(__file__).parents[2] / "../shared/data/odd_images"


def connect(live, timeout: float = 20) -> socket.socket:
    return socket.create_connection(("127.0.0.1", live.port), timeout=timeout)


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer; status 0 where the connection just ends."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return 0, {}, data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        chunk = connection.recv(65536)
        assert chunk, "the body ends early"
        body += chunk
    return int(first.split()[1]), headers, body


def ask(live, raw: bytes, shut: bool = False) -> tuple[int, dict[str, str], bytes]:
    with connect(live) as connection:
        connection.sendall(raw)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        return read_answer(connection)


def post(body: bytes, *headers: str, path: str = "/v1/predict", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def assert_still_answers(live, picture: bytes) -> None:
    response = httpx2.post(f"{live.url}/v1/predict", content=picture, timeout=20)
    assert response.status_code == 200
    assert live.peak_mb() < LIMIT_MB


def assert_problem(answer: tuple[int, dict[str, str], bytes], status: int, code: str) -> dict:
    found, headers, body = answer
    document = json.loads(body)
    assert (found, document["code"]) == (status, code)
    assert headers["content-type"] == "application/problem+json"
    assert document["request_id"] == headers["x-request-id"]
    return document


def huge_png(side: int = 13_000) -> bytes:
    """A 13000x13000 picture in some 20 KB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes((side + 7) // 8 + 1) * side, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_the_five_bad_pictures_of_the_contract(live, colour_picture: Encode):
    jpeg = colour_picture("red", "JPEG", (400, 300))
    bomb = huge_png()
    assert len(bomb) < 30_000
    cases = {
        "text": (b"just words, no picture. " * 12_500, 415),
        "empty": (b"", 400),
        "truncated": (jpeg[: len(jpeg) // 2], 422),
        "bomb": (bomb, 422),
        "nine megabytes": (b"\xff\xd8\xff" + b"x" * 9_000_000, 413),
    }
    for name, (body, status) in cases.items():
        in_json = json.dumps({"images": [base64.b64encode(body).decode()]}).encode()
        for response in (
            httpx2.post(f"{live.url}/v1/predict", content=body),
            httpx2.post(f"{live.url}/v1/predict", files={"images": ("a", body)}),
            httpx2.post(f"{live.url}/v1/predict", content=in_json, headers={"content-type": "application/json"}),
            httpx2.post(f"{live.url}/api/v1.0/classify_upload", files={"imagefile": ("a", body)}),
        ):
            assert response.status_code == status, name
            assert response.headers["content-type"] == "application/problem+json"
            assert_still_answers(live, jpeg)


def test_a_chunked_body_is_cut_off_at_the_limit(live, colour_picture: Encode):
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    for kind, code in (("image/jpeg", "picture_too_large"), ("application/json", "request_too_large")):
        head = f"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
        with connect(live) as connection:
            connection.sendall(head.encode())
            for _ in range(340):  # 22 MB, and no end
                connection.sendall(piece)
            assert_problem(read_answer(connection), 413, code)
        assert_still_answers(live, colour_picture())


def test_a_length_over_the_limit_is_refused_before_the_body_comes(live):
    form = "content-type: multipart/form-data; boundary=x"
    cases = (("x: y", 9_000_000, "picture"), ("x: y", 10**15, "picture"), (form, 21_000_000, "request"))
    for header, length, what in cases:
        answer = ask(live, post(b"", "expect: 100-continue", header, length=length))
        assert_problem(answer, 413, f"{what}_too_large")


def test_a_body_shorter_than_its_length_does_no_harm(live, colour_picture: Encode):
    status, _, _ = ask(live, post(colour_picture(), length=50_000), shut=True)
    assert status == 0  # the client left; nobody to tell
    with connect(live) as connection:
        connection.sendall(post(colour_picture(), length=50_000))
    assert_still_answers(live, colour_picture())


def test_a_body_longer_than_its_length_is_not_taken_for_the_picture(live, colour_picture: Encode):
    assert_problem(ask(live, post(colour_picture(), length=100)), 422, "broken_picture")
    assert_still_answers(live, colour_picture())


def test_a_client_that_closes_its_side_still_gets_its_answer(live, colour_picture: Encode):
    status, _, body = ask(live, post(colour_picture("blue")), shut=True)
    assert status == 200
    assert json.loads(body)["predictions"][0]["label"] == "plain_blue"


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcde",
        b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc",
        b"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_400_or_nothing(live, colour_picture: Encode, raw: bytes):
    status, headers, _ = ask(live, raw, shut=True)
    assert status in {400, 404}
    assert headers["content-type"] == "application/problem+json"
    assert_still_answers(live, colour_picture())


def test_a_flood_of_headers_is_a_431(live, colour_picture: Encode):
    flood = b"".join(b"x-header-%d: %s\r\n" % (k, b"y" * 100) for k in range(600))
    assert_problem(ask(live, b"GET /livez HTTP/1.1\r\nhost: x\r\n" + flood + b"\r\n"), 431, "headers_too_large")
    with connect(live) as connection:  # one header that never ends
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\nx: ")
        with pytest.raises(OSError, match=r"reset|closed|Broken pipe|Connection"):  # noqa: PT012
            for _ in range(2000):
                connection.sendall(b"y" * 65536)
                time.sleep(0.001)
    assert_still_answers(live, colour_picture())


def test_a_slow_body_is_a_408(start: Callable, colour_picture: Encode):
    live = start(GALAO_BODY_TIMEOUT_S="0.5")
    with connect(live) as connection:
        connection.sendall(post(b"\xff\xd8", length=1000))
        assert_problem(read_answer(connection), 408, "slow_body")
    assert_still_answers(live, colour_picture())


def test_a_client_that_never_ends_its_headers_is_let_go(start: Callable, colour_picture: Encode):
    live = start(GALAO_HEADER_TIMEOUT_S="0.5")
    starts = (b"", b"\r\n", b"GET /liv", b"GET /livez HTTP/1.1\r\nhost: x\r\nx: y")
    for beginning in starts:
        with connect(live, timeout=5) as connection:
            connection.sendall(beginning)
            assert connection.recv(100) == b"", beginning
    with connect(live, timeout=8) as connection:  # the second request on a connection has the same clock
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        assert read_answer(connection)[0] == 200
        connection.sendall(b"GET /livez HTTP/1.1\r\n")
        assert connection.recv(100) == b""
    assert_still_answers(live, colour_picture())


def test_requests_one_after_the_other_on_one_connection(live, colour_picture: Encode):
    with connect(live) as connection:
        for _ in range(3):
            connection.sendall(post(colour_picture()))
            assert read_answer(connection)[0] == 200
            connection.sendall(post(b"x" * 100_000, path="/nope"))
            assert read_answer(connection)[0] == 404
            connection.sendall(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b"200 OK" in connection.recv(65536)


def test_connections_held_open_do_not_shut_others_out(live, colour_picture: Encode):
    held = [connect(live) for _ in range(200)]
    try:
        for connection in held:
            connection.sendall(post(b"\xff\xd8" + b"x" * 20_000, length=8_000_000))
        assert_still_answers(live, colour_picture())
    finally:
        for connection in held:
            connection.close()


def test_one_connection_too_many_is_told_so(start: Callable, colour_picture: Encode):
    live = start(GALAO_MAX_CONNECTIONS="3")
    held = [connect(live) for _ in range(3)]
    try:
        deadline = time.monotonic() + 10
        while (answer := ask(live, b""))[0] == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert assert_problem(answer, 503, "busy")["retry_after_s"] == 5
    finally:
        for connection in held:
            connection.close()
    time.sleep(0.2)
    assert_still_answers(live, colour_picture())


def test_many_large_bodies_at_once_stay_within_the_budget(live, colour_picture: Encode):
    held = []
    try:
        for _ in range(40):  # 40 x 7 MB, all but their last byte
            connection = connect(live)
            held.append(connection)
            connection.settimeout(2)
            try:
                connection.sendall(post(b"\xff\xd8" + b"x" * 7_000_000, length=7_000_003))
            except OSError:
                continue
        assert_still_answers(live, colour_picture())
        print("RSS with 40 large uploads under way:", round(live.peak_mb()), "MB")
    finally:
        for connection in held:
            connection.close()


def test_large_pictures_side_by_side_stay_within_the_budget(start: Callable, colour_picture: Encode):
    live = start(GALAO_WORKERS="4")
    bodies = [huge_png(3990)]
    for kind, options in (("JPEG", {"progressive": True}), ("WEBP", {"quality": 50}), ("WEBP", {"lossless": True})):
        stream = io.BytesIO()
        Image.linear_gradient("L").resize((4000, 3990)).convert("RGB").save(stream, kind, **options)
        bodies.append(stream.getvalue())
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(live, timeout=60)) for _ in bodies]
        for connection, body in zip(connections, bodies, strict=True):
            connection.sendall(post(body))
        assert [read_answer(connection)[0] for connection in connections] == [200] * 4
    assert_still_answers(live, colour_picture())
    print("RSS after four 16-megapixel pictures at once:", round(live.peak_mb()), "MB")


def test_the_log_holds_no_picture_and_the_answer_no_server_name(live, colour_picture: Encode):
    _, headers, _ = ask(live, post(colour_picture()))
    assert "server" not in headers
    assert re.fullmatch(r"[0-9a-f]{16}", headers["x-request-id"])


@pytest.mark.slow
def test_all_odd_images_in_every_form(live, colour_picture: Encode):
    if not ODD_IMAGES.is_dir():
        pytest.skip("the odd images are not here")
    with httpx2.Client(base_url=live.url, timeout=60) as client:
        for path in sorted(p for p in ODD_IMAGES.rglob("*") if p.is_file() and p.stat().st_size < 8_000_000):
            data = path.read_bytes()
            for response in (
                client.post("/v1/predict", content=data),
                client.post("/v1/predict", files={"images": (path.name, data)}),
                client.post("/v1/predict", json={"images": [base64.b64encode(data).decode()]}),
            ):
                assert response.status_code in {200, 400, 415, 422}, (path, response.text)
    assert_still_answers(live, colour_picture())
    print("RSS after all odd images in three forms:", round(live.peak_mb()), "MB")
