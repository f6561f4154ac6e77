"""Errors: always problem+json, never a trace, each with the status that the contract names."""

import base64
import io
import json

import pytest
from PIL import Image
from starlette.testclient import TestClient

from galao.errors import BrokenPicture, GalaoError, PictureError, TooLarge, TooSmall, UnsupportedPicture
from galao_api.problems import KINDS, of_picture


def assert_problem(response, status: int, code: str) -> dict:
    document = response.json()
    assert (response.status_code, document["code"]) == (status, code), document
    assert response.headers["content-type"] == "application/problem+json"
    assert document["status"] == status
    assert document["request_id"] == response.headers["x-request-id"]
    assert document["title"] == KINDS[code].title
    assert len(document["detail"]) > 10
    assert document["type"] == f"/problems/{code}"
    return document


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 64), mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, kind)
    return stream.getvalue()


def test_an_empty_body_is_a_400(client: TestClient):
    assert_problem(client.post("/v1/predict", content=b""), 400, "empty_picture")


def test_an_empty_part_is_a_400(client: TestClient):
    assert_problem(client.post("/v1/predict", files={"images": b""}), 400, "empty_picture")


def test_a_form_without_pictures_is_a_400_that_names_what_it_found(client: TestClient):
    response = client.post("/v1/predict", files={"photo": picture()})
    assert "photo" in assert_problem(response, 400, "no_images")["detail"]


def test_more_than_five_pictures_are_a_400(client: TestClient):
    response = client.post("/v1/predict", files=[("images", ("a", picture()))] * 6)
    assert assert_problem(response, 400, "too_many_images")["limit_images"] == 5


def test_a_form_with_ten_thousand_parts_is_a_400(client: TestClient):
    response = client.post("/v1/predict", data={f"field{k}": "x" for k in range(10_000)}, files={"images": picture()})
    assert_problem(response, 400, "malformed")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=", b"--x\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=" + "b" * 300, b"--x\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data; name="images"\r\n\r\nabc'),
        ("multipart/form-data; boundary=x", b"--x\r\ncontent-disposition: form-data\r\n\r\nabc\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n\x00\xff: 1\r\n\r\nabc\r\n--x--\r\n"),
    ],
)
def test_a_broken_form_is_a_400(client: TestClient, content_type: str, body: bytes):
    assert_problem(client.post("/v1/predict", content=body, headers={"content-type": content_type}), 400, "malformed")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"images": "abc"}',
        b'{"images": [1]}',
        b'{"picture": "abc"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"images": [' + b"{}," * 1000 + b"{}]}",
        json.dumps({"images": ["not base64!"]}).encode(),
        b'{"images": ["\\ud800"]}',
    ],
)
def test_broken_json_is_a_400(client: TestClient, body: bytes):
    response = client.post("/v1/predict", content=body, headers={"content-type": "application/json"})
    assert_problem(response, 400, "malformed")


def test_json_without_pictures_is_a_400(client: TestClient):
    assert_problem(client.post("/v1/predict", json={"images": []}), 400, "no_images")


def test_an_empty_text_in_json_is_an_empty_picture(client: TestClient):
    assert_problem(client.post("/v1/predict", json={"images": [""]}), 400, "empty_picture")


@pytest.mark.parametrize(
    "path", ["/nope", "/v1", "/v1/predict/", "/v1/models/a/b", "/docs", "/redoc", "/../etc", "/%00"]
)
def test_an_unknown_path_is_a_404(client: TestClient, path: str):
    assert_problem(client.get(path), 404, "no_such_path")


def test_a_wrong_method_is_a_405_that_says_which_are_right(client: TestClient):
    response = client.get("/v1/predict")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


def test_a_picture_over_the_limit_is_a_413_that_says_the_limit(client: TestClient):
    document = assert_problem(client.post("/v1/predict", content=b"x" * 9_000_000), 413, "picture_too_large")
    assert document["limit_bytes"] == 8 * 2**20
    assert "8,388,608" in document["detail"]
    assert "8 MB" in document["detail"]


def test_a_picture_over_the_limit_in_a_form_is_a_413(client: TestClient):
    assert_problem(client.post("/v1/predict", files={"images": b"x" * 9_000_000}), 413, "picture_too_large")


def test_a_picture_over_the_limit_in_json_is_a_413(client: TestClient):
    text = base64.b64encode(b"x" * 9_000_000).decode()
    assert_problem(client.post("/v1/predict", json={"images": [text]}), 413, "picture_too_large")


def test_a_request_over_the_limit_is_a_413_that_says_the_limit(client: TestClient):
    files = [("images", ("a", b"x" * 7_000_000))] * 3
    document = assert_problem(client.post("/v1/predict", files=files), 413, "request_too_large")
    assert document["limit_bytes"] == 20 * 2**20
    assert "20 MB" in document["detail"]


def test_the_limit_holds_for_a_body_without_a_length(make_client):
    client = make_client(max_picture_bytes=100_000)
    pieces = (b"x" * 10_000 for _ in range(100))
    assert_problem(client.post("/v1/predict", content=pieces), 413, "picture_too_large")


def test_a_text_file_is_a_415(client: TestClient):
    response = client.post("/v1/predict", content=b"plain words " * 25_000, headers={"content-type": "image/jpeg"})
    assert_problem(response, 415, "unsupported_picture")


def test_a_truncated_jpeg_is_a_422(client: TestClient):
    data = picture("JPEG", (400, 300))
    assert_problem(client.post("/v1/predict", content=data[: len(data) // 2]), 422, "broken_picture")


def test_a_huge_png_is_a_422_from_its_header(client: TestClient):
    data = picture("PNG", (13_000, 13_000), "L")
    assert len(data) < 200_000
    assert_problem(client.post("/v1/predict", content=data), 422, "too_many_pixels")


def test_a_tiny_picture_is_a_422(client: TestClient):
    assert_problem(client.post("/v1/predict", content=picture("PNG", (8, 8))), 422, "too_small")


def test_our_own_mistake_is_a_500_without_a_trace(client: TestClient):
    def fail(*_):
        raise RuntimeError("secret words")

    client.app.state.service.desk.answer = fail
    response = client.post("/v1/predict", content=picture())
    assert_problem(response, 500, "internal")
    assert "secret" not in response.text
    assert "Traceback" not in response.text


def test_every_error_of_the_decoder_has_a_problem_of_its_own():
    expected = {UnsupportedPicture: 415, BrokenPicture: 422, TooLarge: 422, TooSmall: 422, PictureError: 422}
    for error, status in expected.items():
        assert of_picture(error("the picture is wrong")).kind.status == status
    assert issubclass(PictureError, GalaoError)


def test_a_code_can_be_looked_up_where_its_type_points(client: TestClient):
    for code, kind in KINDS.items():
        assert client.get(f"/problems/{code}").json() == {"code": code, "status": kind.status, "title": kind.title}
    assert_problem(client.get("/problems/nope"), 404, "no_such_code")


def test_a_request_id_goes_in_and_out(client: TestClient):
    assert client.get("/livez", headers={"x-request-id": "phone-17.a"}).headers["x-request-id"] == "phone-17.a"


@pytest.mark.parametrize("wild", ["a b", "x" * 65, "a\tb", "é", '"', "<script>", ""])
def test_a_wild_request_id_is_replaced(client: TestClient, wild: str):
    given = client.get("/livez", headers={"x-request-id": wild.encode("latin-1")}).headers["x-request-id"]
    assert given != wild
    assert given.isalnum()


def test_every_answer_carries_the_security_headers(client: TestClient):
    for path in ("/livez", "/nope", "/"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "total;dur=" in headers["server-timing"]
