"""What the pages say is there is there, and what is there is said."""

import re
from pathlib import Path

import pytest

from galao.cli.main import VERBS
from galao.config.load import sections
from galao.config.schema import reference_page

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/*README.md"), *ROOT.glob("*/*/README.md")])
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def code(page):
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    shell = [block for language, block in blocks if language in ("", "sh", "bash", "console")]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return "\n".join([*shell, *re.findall(r"`([^`\n]+)`", prose)])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_on_a_page_exists(page):
    commands = code(page)
    for target in re.findall(r"^\s*\$?\s*make ([a-z-]+)", commands, re.M):
        assert target in TARGETS, f"make {target}"
    for verb in re.findall(r"^\s*\$?\s*galao ([a-z]+)", commands, re.M):
        assert verb in VERBS, f"galao {verb}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_on_a_page_exists(page):
    for path in re.findall(r"(?:^|[\s`(])((?:configs|datasets|docs|platform|mobile_api|tests)/[\w./-]*\w)", code(page)):
        generated = re.search(r"/(train|val|test)\.txt$|/images|/pretrain$|flowers12/|configs/mine", path)
        assert generated or (ROOT / path).exists(), path


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_every_target_is_in_help():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("help", "train", "test", "test-all", "check", "fix", "serve", "bench", "docs", "clean"):
        assert re.search(rf"^{target}:.*##", makefile, re.M), target


def test_every_verb_is_documented():
    tutorial = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    for verb in VERBS:
        assert f"galao {verb}" in tutorial, verb


def test_the_config_reference_equals_what_the_code_generates():
    assert (ROOT / "docs/config.md").read_text(encoding="utf-8") == reference_page(), "run make docs"


def test_every_config_field_has_its_sentence():
    for place, model in sections():
        for name, field in model.model_fields.items():
            assert field.description, (*place, name)
            assert field.description.strip().endswith("."), (*place, name)
