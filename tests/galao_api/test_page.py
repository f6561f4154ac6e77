"""The phone page as files: nothing from elsewhere, a strict policy, words for every code."""

import re
from importlib.resources import files

import pytest
from starlette.testclient import TestClient

from galao_api.problems import KINDS

WEB = files("galao_api") / "web"
NAMES = ("index.html", "page.css", "page.js", "icon.svg")


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript"), ("/icon.svg", "image/svg+xml")],
)
def test_the_page_and_its_parts_are_served(client: TestClient, path: str, kind: str):
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(kind)


def test_the_policy_lets_nothing_in_from_elsewhere(client: TestClient):
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("name", NAMES)
def test_no_file_names_an_address_elsewhere(name: str):
    text = (WEB / name).read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"(https?:)?//[a-z0-9]", re.sub(r"// .*", "", text))


def test_the_page_has_neither_inline_script_nor_inline_style():
    page = (WEB / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]


def test_the_camera_and_the_album_are_both_offered():
    page = (WEB / "index.html").read_text()
    assert re.search(r'id="take" accept="image/\*" capture', page)
    assert re.search(r'id="choose" accept="image/\*">', page)


def test_every_code_that_the_page_explains_exists():
    script = (WEB / "page.js").read_text()
    block = script[script.index("const ADVICE = {") : script.index("function describe")]
    codes = set(re.findall(r"^  (\w+):", block, re.MULTILINE))
    assert codes <= set(KINDS)
    assert {"busy", "broken_picture", "unsupported_picture", "too_many_pixels"} <= codes
