"""The 2015 phone app's request and its parser, which nobody can change any more."""

import asyncio
import html
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from galao.deploy.predictor import Predictor
from galao.lists.listfile import Label
from galao.records import Prediction
from galao_api.legacy import Repeats, rows_of

Encode = Callable[..., bytes]
PATH = "/api/v1.0/classify_upload"


class AppCrashError(Exception):
    """What the app's user saw when the JSON was not as its author had thought."""


def show(status: int, text: str) -> list[str]:
    """A port of how the app read an answer: the lines on its screen, or a toast."""
    if not 200 <= status < 300:
        return ["toast: try again later"]
    try:
        result = json.loads(text)["result"]
        if result[0] is not True:
            raise AppCrashError("it casts the message to a list")
        rows, lines = result[1], []
        row = None
        for place in range(5):
            row = rows[place] if place < len(rows) else row  # the last one again
            label, score = row
            lines.append(f"{as_html(label)} {float(score):.5f}")
        if len(result) > 2:
            lines += [f"{as_html(label)} {score}" for label, score in result[2]] + [f"in {float(result[3])} s"]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise AppCrashError(repr(error)) from error
    return lines


def as_html(text: str) -> str:
    """Its text view took labels as HTML: tags vanish, entities become letters."""
    return html.unescape(re.sub(r"<[^>]*>?", "", text))


def send(client: TestClient, picture: bytes):
    """The app's request: a text part and a file part without a useful content type."""
    boundary = "*****"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="filename"\r\n\r\nIMG_0001.jpg\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="imagefile";filename="IMG_0001.jpg"\r\n\r\n'
    ).encode() + picture
    body += f"\r\n--{boundary}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data;boundary={boundary}"}
    return client.post(PATH, content=body, headers=headers)


def test_the_app_shows_five_lines(client: TestClient, colour_picture: Encode):
    response = send(client, colour_picture("red"))
    lines = show(response.status_code, response.text)
    assert len(lines) == 5
    assert lines[0].startswith("Plain red 0.")


def test_the_answer_is_exactly_the_old_one(client: TestClient, colour_picture: Encode):
    answer = send(client, colour_picture("blue")).json()
    assert list(answer) == ["result"]
    assert len(answer["result"]) == 2
    assert answer["result"][0] is True
    for row in answer["result"][1]:
        label, score = row
        assert isinstance(label, str)
        assert re.fullmatch(r"[01]\.\d{5}", score)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_bytes_say_what_the_picture_is(client: TestClient, colour_picture: Encode, kind: str):
    assert send(client, colour_picture("cyan", kind)).json()["result"][1][0][0] == "Plain cyan"


def test_labels_with_angle_brackets_are_shown_whole(make_client, build_bundle, colour_picture: Encode, tmp_path: Path):
    labels = [Label(f"class_{k}", name) for k, name in enumerate(["A <i>x</i> & B", "b", "c", "d", "e", "f"])]
    bundle = build_bundle(tmp_path / "odd", labels=labels)
    client = make_client(Predictor.load(bundle.folder, backend="onnx"))
    response = send(client, colour_picture("red"))
    assert show(200, response.text)[0].startswith("A <i>x</i> & B 0.")


def test_fewer_than_five_classes_are_padded():
    rows = rows_of([Prediction("a", "A", 0, 0.75), Prediction("b", "B", 1, 0.25)])
    assert rows == [["A", "0.75000"], ["B", "0.25000"], ["-", "0.00000"], ["-", "0.00000"], ["-", "0.00000"]]


@pytest.mark.parametrize(
    ("picture", "status"),
    [(b"", 400), (b"hello, this is no picture", 415), (b"\xff\xd8\xff\xe0 cut", 422), (b"x" * 9_000_000, 413)],
)
def test_what_goes_wrong_is_a_toast(client: TestClient, picture: bytes, status: int):
    response = send(client, picture)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert show(response.status_code, response.text) == ["toast: try again later"]


@pytest.mark.parametrize("form", [{"files": {"photo": b"abc"}}, {"data": {"filename": "a"}}, {"content": b"abc"}, {}])
def test_a_request_without_the_picture_is_a_toast(client: TestClient, form: dict):
    response = client.post(PATH, **form)
    assert response.status_code == 400
    assert show(response.status_code, response.text) == ["toast: try again later"]


def test_the_port_crashes_where_the_app_did():
    for text in ('{"result": [false, "no"]}', '{"error": 1}', "[]", '{"result": [true, []]}'):
        with pytest.raises(AppCrashError):
            show(200, text)


def test_the_same_picture_is_answered_from_memory(client: TestClient, colour_picture: Encode):
    first = send(client, colour_picture("red"))
    second = send(client, colour_picture("red"))
    assert first.json() == second.json()
    assert "infer" in first.headers["server-timing"]
    assert "infer" not in second.headers["server-timing"]


def test_classify_url_is_not_offered(client: TestClient):
    assert client.get("/api/v1.0/classify_url?imageurl=http://127.0.0.1/").status_code == 404


def rows(name: str) -> list[list[str]]:
    return [[name, "1.00000"]]


def test_copies_that_arrive_together_are_made_once():
    made = 0

    async def make() -> list[list[str]]:
        nonlocal made
        made += 1
        await asyncio.sleep(0.01)
        return rows("a")

    async def ask_five_times() -> list[list[list[str]]]:
        repeats = Repeats(60, 10)
        return await asyncio.gather(*(repeats.get("key", make) for _ in range(5)))

    assert asyncio.run(ask_five_times()) == [rows("a")] * 5
    assert made == 1


def test_a_failure_is_not_remembered():
    async def fail() -> list[list[str]]:
        raise ValueError("no")

    async def work() -> list[list[str]]:
        return rows("b")

    async def story() -> list[list[str]]:
        repeats = Repeats(60, 10)
        with pytest.raises(ValueError, match="no"):
            await repeats.get("key", fail)
        return await repeats.get("key", work)

    assert asyncio.run(story()) == rows("b")


def test_the_memory_is_bounded_and_forgets_with_time():
    async def story() -> list[int]:
        calls = []

        async def make(k: int) -> list[list[str]]:
            calls.append(k)
            return rows(str(k))

        repeats = Repeats(0.05, 3)
        for k in (1, 2, 3, 1, 4, 1):  # 4 pushes out 1, the oldest
            await repeats.get(str(k), lambda k=k: make(k))
        await asyncio.sleep(0.06)
        await repeats.get("4", lambda: make(4))
        assert len(repeats._known) <= 3
        return calls

    assert asyncio.run(story()) == [1, 2, 3, 4, 1, 4]


def test_a_caller_that_leaves_does_not_cancel_the_answer_for_the_others():
    async def story() -> list[list[str]]:
        repeats = Repeats(60, 10)

        async def make() -> list[list[str]]:
            await asyncio.sleep(0.02)
            return rows("a")

        first = asyncio.ensure_future(repeats.get("key", make))
        second = asyncio.ensure_future(repeats.get("key", make))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(story()) == rows("a")
