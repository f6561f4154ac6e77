"""The house stands as its plan says."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("platform", "mobile_api", "datasets", "configs", "tests")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_top_level_folder_is_a_package(folder):
    """platform/__init__.py would hide Python's own module, and torch, fastapi and pytest would die of it."""
    assert (ROOT / folder).is_dir()
    assert not (ROOT / folder / "__init__.py").exists()


def test_import_platform_is_the_standard_librarys():
    assert platform.python_version()
    script = "import platform; print(platform.__file__, platform.system())"
    for arguments in (["-c", script], ["-P", "-c", script]):
        found = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
        assert "site-packages" not in found.stdout
        assert str(ROOT) not in found.stdout


def test_every_room_opens_with_one_sentence():
    for init in (ROOT / "platform").rglob("__init__.py"):
        lines = init.read_text(encoding="utf-8").strip().splitlines()
        assert lines[0].startswith('"""'), init
        assert len(lines) <= 3, f"{init} does more than say what the room is for"


def test_no_module_hides_one_of_the_standard_library():
    names = {path.stem for folder in ("platform", "mobile_api") for path in (ROOT / folder).rglob("*.py")}
    assert names & {"types", "io", "json", "logging", "random", "platform", "queue", "email"} == set()


def tracked():
    found = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in found.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_nothing_tracked_is_over_six_megabytes():
    assert [path for path in tracked() if path.stat().st_size > 6_000_000] == []


def test_embedded_weights_are_at_most_five_megabytes_and_have_a_card():
    found = list((ROOT / "platform/galao/nets/embedded").glob("*.safetensors"))
    assert found
    for path in found:
        assert path.stat().st_size <= 5_000_000
        assert path.with_suffix(".json").is_file()


def test_constraints_name_no_address():
    assert "://" not in (ROOT / "constraints.txt").read_text(encoding="utf-8")
