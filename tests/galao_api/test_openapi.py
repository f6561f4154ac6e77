"""The contract in mobile_api/openapi.json is what the code generates."""

import json
from pathlib import Path

from starlette.testclient import TestClient

from galao_api.openapi import contract

FILE = Path(__file__).parents[2] / "mobile_api" / "openapi.json"


def test_the_file_equals_what_the_code_generates():
    hint = "run: python -m galao_api.openapi > mobile_api/openapi.json"
    assert FILE.read_text(encoding="utf-8") == contract(), hint


def test_the_service_hands_out_the_same_contract(client: TestClient):
    assert client.get("/openapi.json").json() == json.loads(contract())


def test_every_operation_names_its_errors_as_problems():
    document = json.loads(contract())
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status in ("4XX", "5XX"):
                content = operation["responses"][status]["content"]
                assert list(content) == ["application/problem+json"], path
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_reference_in_the_contract_leads_somewhere():
    text = contract()
    document = json.loads(text)
    references = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    for reference in references:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
