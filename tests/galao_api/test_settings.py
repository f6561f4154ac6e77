"""What an operator may set, and how a wrong value is told."""

from pathlib import Path

import pytest

from galao.errors import GalaoError
from galao_api.settings import Settings, read_settings


def test_the_limits_of_the_contract_are_the_defaults():
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.max_picture_bytes == 8 * 2**20
    assert settings.max_request_bytes == 20 * 2**20
    assert settings.max_pictures == 5


def test_flags_go_before_the_environment_and_the_environment_before_defaults(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GALAO_PORT", "9001")
    monkeypatch.setenv("GALAO_HOST", "::1")
    monkeypatch.setenv("GALAO_MAX_PICTURE_BYTES", "4MiB")
    settings = read_settings({"port": 9002, "host": None, "bundle": Path("a")})
    assert (settings.port, settings.host, settings.max_picture_bytes) == (9002, "::1", 4 * 2**20)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GALAO_PORT", "70000", "GALAO_PORT"),
        ("GALAO_PORT", "http", "GALAO_PORT"),
        ("GALAO_BACKEND", "caffe", "'onnx' or 'torch'"),
        ("GALAO_MAX_PICTURE_BYTES", "many", "GALAO_MAX_PICTURE_BYTES"),
        ("GALAO_WORKERS", "0", "GALAO_WORKERS"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str):
    monkeypatch.setenv(name, value)
    with pytest.raises(GalaoError) as error:
        read_settings({})
    assert words in str(error.value)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_wrong_flag_is_named_as_a_flag():
    with pytest.raises(GalaoError, match=r"^--port: "):
        read_settings({"port": -1})


def test_every_setting_has_a_sentence():
    for name, field in Settings.model_fields.items():
        assert field.description, name
