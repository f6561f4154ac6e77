"""POST /v1/predict: three forms of upload, one or several pictures, one answer."""

import base64
import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from starlette.testclient import TestClient

from galao.deploy.predictor import Predictor
from galao_api.schemas import PredictAnswer

Encode = Callable[..., bytes]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_raw_body_is_answered(client: TestClient, colour_picture: Encode, kind: str):
    data = colour_picture("blue", kind, (64, 48))
    response = client.post("/v1/predict", content=data, headers={"content-type": f"image/{kind.lower()}"})
    assert response.status_code == 200
    answer = response.json()
    PredictAnswer.model_validate(answer)
    assert answer["predictions"][0] | {"confidence": 0} == {
        "label": "plain_blue",
        "name": "Plain blue",
        "index": 2,
        "confidence": 0,
    }
    expected = {"sha256": hashlib.sha256(data).hexdigest(), "width": 64, "height": 48, "format": kind.lower()}
    assert answer["images"] == [expected]


def test_the_answer_has_exactly_the_members_of_the_contract(client: TestClient, colour_picture: Encode):
    answer = client.post("/v1/predict", content=colour_picture()).json()
    assert list(answer) == [
        "id",
        "task",
        "model",
        "verdict",
        "calibrated",
        "predictions",
        "groups",
        "images",
        "timing_ms",
    ]
    assert answer["id"].startswith("pr_")
    assert (answer["task"], answer["verdict"], answer["calibrated"], answer["groups"]) == ("classify", None, False, [])
    assert answer["model"]["name"] == "colours"
    assert answer["model"]["digest"].startswith("sha256:")
    assert set(answer["timing_ms"]) == {"decode", "queue", "infer", "total"}
    assert answer["timing_ms"]["total"] >= answer["timing_ms"]["decode"] >= 0


def test_every_answer_has_its_own_id(client: TestClient, colour_picture: Encode):
    ids = {client.post("/v1/predict", content=colour_picture()).json()["id"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize("content_type", ["", "application/octet-stream", "application/x-www-form-urlencoded", "x"])
def test_the_bytes_say_what_a_picture_is_not_the_content_type(
    client: TestClient, colour_picture: Encode, content_type: str
):
    response = client.post("/v1/predict", content=colour_picture(), headers={"content-type": content_type})
    assert response.status_code == 200


def test_a_form_is_answered(client: TestClient, colour_picture: Encode):
    response = client.post("/v1/predict", files=[("images", ("a.jpg", colour_picture("cyan")))])
    assert response.json()["predictions"][0]["label"] == "plain_cyan"


@pytest.mark.parametrize("prefix", ["", "data:image/jpeg;base64,"])
def test_base64_in_json_is_answered(client: TestClient, colour_picture: Encode, prefix: str):
    text = base64.encodebytes(colour_picture("green")).decode()
    response = client.post("/v1/predict", json={"images": [prefix + text]})
    assert response.json()["predictions"][0]["label"] == "plain_green"


def test_all_three_forms_give_the_same_shares(client: TestClient, colour_picture: Encode):
    data = colour_picture("yellow", "PNG")
    text = base64.b64encode(data).decode()
    answers = [
        client.post("/v1/predict", content=data).json(),
        client.post("/v1/predict", files={"images": data}).json(),
        client.post("/v1/predict", json={"images": [text]}).json(),
    ]
    assert answers[0]["predictions"] == answers[1]["predictions"] == answers[2]["predictions"]


def test_several_pictures_are_averaged(client: TestClient, colour_picture: Encode):
    def shares(*colours: str) -> np.ndarray:
        files = [("images", (f"{colour}.png", colour_picture(colour, "PNG"))) for colour in colours]
        predictions = client.post("/v1/predict?top_k=6", files=files).json()["predictions"]
        return np.array([p["confidence"] for p in sorted(predictions, key=lambda p: p["index"])])

    together = shares("red", "blue", "blue")
    np.testing.assert_allclose(together, (shares("red") + 2 * shares("blue")) / 3, atol=1e-6)
    assert together.sum() == pytest.approx(1, abs=1e-5)


def test_one_bad_picture_of_several_is_named_and_the_others_are_used(client: TestClient, colour_picture: Encode):
    files = [
        ("images", ("note.txt", b"hello, this is text")),
        ("images", ("red.png", colour_picture("red", "PNG"))),
        ("images", ("empty.png", b"")),
    ]
    response = client.post("/v1/predict", files=files)
    assert response.status_code == 200
    first, second, third = response.json()["images"]
    assert first["problem"]["code"] == "unsupported_picture"
    assert first["problem"]["status"] == 415
    assert set(first) == {"sha256", "problem"}
    assert second["width"] == 64
    assert third["problem"]["code"] == "empty_picture"
    assert response.json()["predictions"][0]["label"] == "plain_red"


def test_a_too_large_picture_among_others_is_named(make_client, colour_picture: Encode):
    client = make_client(max_picture_bytes=2000)
    files = [("images", ("a", b"\xff" * 5000)), ("images", ("b", colour_picture("red", "PNG")))]
    first, second = client.post("/v1/predict", files=files).json()["images"]
    assert first["problem"]["code"] == "picture_too_large"
    assert first["problem"]["limit_bytes"] == 2000
    assert second["format"] == "png"


def test_where_all_pictures_are_bad_the_first_ones_problem_is_the_answer(client: TestClient, colour_picture: Encode):
    cut = colour_picture("red", "JPEG", (300, 300))[:700]
    files = [("images", ("cut.jpg", cut)), ("images", ("note.txt", b"hello, this is text"))]
    response = client.post("/v1/predict", files=files)
    assert response.status_code == 422
    assert response.json()["code"] == "broken_picture"


@pytest.mark.parametrize(("asked", "given"), [("", 5), ("?top_k=1", 1), ("?top_k=6", 6), ("?top_k=50", 6)])
def test_top_k_says_how_many_answers(client: TestClient, colour_picture: Encode, asked: str, given: int):
    predictions = client.post(f"/v1/predict{asked}", content=colour_picture()).json()["predictions"]
    assert len(predictions) == given
    shares = [p["confidence"] for p in predictions]
    assert shares == sorted(shares, reverse=True)


def test_top_k_may_stand_in_the_body_and_the_query_goes_first(client: TestClient, colour_picture: Encode):
    text = base64.b64encode(colour_picture()).decode()
    form = {"files": {"images": colour_picture()}, "data": {"top_k": "2"}}
    assert len(client.post("/v1/predict", json={"images": [text], "top_k": 3}).json()["predictions"]) == 3
    assert len(client.post("/v1/predict", **form).json()["predictions"]) == 2
    assert len(client.post("/v1/predict?top_k=1", **form).json()["predictions"]) == 1


@pytest.mark.parametrize("top_k", ["0", "51", "-1", "x", "1.5", "9" * 5000, ""])
def test_a_wrong_top_k_is_a_400(client: TestClient, colour_picture: Encode, top_k: str):
    response = client.post("/v1/predict", params={"top_k": top_k}, content=colour_picture())
    assert response.status_code == 400
    assert response.json()["code"] == "bad_parameter"
    assert "top_k" in response.json()["detail"]


@pytest.mark.parametrize("top_k", [0, 51, "5 ", True, [5], {"a": 1}, 2.5])
def test_a_wrong_top_k_in_json_is_a_400(client: TestClient, colour_picture: Encode, top_k: object):
    text = base64.b64encode(colour_picture()).decode()
    response = client.post("/v1/predict", json={"images": [text], "top_k": top_k})
    assert response.json()["code"] == "bad_parameter"


@pytest.mark.parametrize("reference", ["colours", "colours@1"])
def test_a_model_answers_by_its_name(client: TestClient, colour_picture: Encode, reference: str):
    response = client.post(f"/v1/models/{reference}/predict", content=colour_picture("red"))
    assert response.json()["predictions"][0]["label"] == "plain_red"


@pytest.mark.parametrize("reference", ["roses", "colours@2", "@1", "colours@"])
def test_a_model_that_is_not_served_is_a_404(client: TestClient, colour_picture: Encode, reference: str):
    response = client.post(f"/v1/models/{reference}/predict", content=colour_picture())
    assert response.status_code == 404
    assert response.json()["code"] == "no_such_model"
    assert "colours@1" in response.json()["detail"]


def test_served_shares_are_those_of_the_predictor(tiny_bundle, client: TestClient, colour_picture: Encode):
    data = colour_picture("magenta", "JPEG", (120, 77))
    predictor = Predictor.load(tiny_bundle, backend="onnx", threads=1)
    expected = next(iter(predictor.predict_sources([data], 5))).predictions
    served = client.post("/v1/predict", content=data).json()["predictions"]
    assert [p["index"] for p in served] == [p.index for p in expected]
    assert [p["confidence"] for p in served] == pytest.approx([p.confidence for p in expected], abs=1e-6)


def test_server_timing_tells_the_stages(client: TestClient, colour_picture: Encode):
    header = client.post("/v1/predict", content=colour_picture()).headers["server-timing"]
    assert [part.split(";")[0] for part in header.split(", ")] == ["decode", "queue", "infer", "total"]
