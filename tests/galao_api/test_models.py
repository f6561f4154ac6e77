"""GET /v1/models and the addresses for those who run the service."""

from importlib.metadata import version

from starlette.testclient import TestClient

from galao.deploy.bundle import load_bundle
from galao_api.app import create_app
from galao_api.models import Models
from galao_api.settings import Settings


def test_the_list_names_what_is_served(client: TestClient):
    (model,) = client.get("/v1/models").json()["models"]
    assert (model["name"], model["version"], model["task"], model["num_output"]) == ("colours", "1", "classify", 6)
    assert model["default"] is True


def test_a_card_tells_all_about_a_model(client: TestClient, tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    card = client.get("/v1/models/colours").json()
    assert card["labels"][2] == {"label": "plain_blue", "name": "Plain blue"}
    assert card["digest"] == bundle.digest
    assert card["license"] == "Apache-2.0"
    assert card["metrics"] == {"top1": 1.0, "n": 6}
    assert card["preprocessing"]["crop_size"] == 32
    assert card["calibrated"] is False


def test_a_card_advises_how_to_upload(make_client):
    advice = make_client(max_picture_bytes=1_000_000, max_pictures=3).get("/v1/models/colours@1").json()["upload"]
    assert advice["short_side"] == 448
    assert advice["formats"] == ["image/webp", "image/jpeg"]
    assert advice["quality"] == 75
    assert (advice["max_picture_bytes"], advice["max_images"]) == (1_000_000, 3)


def test_what_the_caller_has_already_is_a_304(client: TestClient):
    for path in ("/v1/models", "/v1/models/colours", "/", "/page.js"):
        first = client.get(path)
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = client.get(path, headers={"if-none-match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert client.get(path, headers={"if-none-match": '"other"'}).content == first.content


def test_an_unknown_model_is_a_404(client: TestClient):
    response = client.get("/v1/models/roses")
    assert response.status_code == 404
    assert response.json()["code"] == "no_such_model"


def test_a_running_service_is_alive_and_ready(client: TestClient):
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}


def test_a_draining_service_is_alive_but_not_ready(client: TestClient):
    client.app.state.service.draining = True
    assert client.get("/livez").status_code == 200
    response = client.get("/readyz")
    assert (response.status_code, response.json()["code"]) == (503, "draining")
    assert int(response.headers["retry-after"]) >= 1


def test_without_a_model_nothing_is_ready():
    with TestClient(create_app(Models([]), Settings())) as client:
        assert client.get("/readyz").json()["code"] == "not_ready"
        response = client.post("/v1/predict", content=b"x")
        assert (response.status_code, response.json()["code"]) == (503, "not_ready")


def test_the_version_tells_what_runs(client: TestClient):
    answer = client.get("/version").json()
    assert (answer["galao"], answer["backend"]) == (version("galao"), "onnx")
    assert answer["models"][0]["name"] == "colours"


def test_head_is_get_without_a_body(client: TestClient):
    for path in ("/", "/livez", "/v1/models/colours"):
        response = client.head(path)
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["content-length"] == client.get(path).headers["content-length"]
