import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from galao.cli.classify import classify, percent
from galao.deploy.bundle import Bundle
from galao.errors import BundleError, GalaoError, ListError

Picture = Callable[..., bytes]


@pytest.fixture
def photos(tmp_path: Path, colour_picture: Picture) -> Path:
    """A folder with pictures, one of them below, and things that are none."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    (folder / ".thumbnails").mkdir()
    (folder / "b.jpg").write_bytes(colour_picture("blue"))
    (folder / "a.PNG").write_bytes(colour_picture("red", "PNG"))
    (folder / "more" / "c.webp").write_bytes(colour_picture("yellow", "WEBP"))
    (folder / ".thumbnails" / "b.jpg").write_bytes(colour_picture("green"))
    (folder / "notes.txt").write_text("no picture")
    return folder


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(classify, [str(one) for one in (*arguments, "--backend", "onnx")], input=stdin)


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_table_names_the_file_and_its_five_best(tiny_bundle: Path, photos: Path):
    result = run(tiny_bundle, photos / "b.jpg")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [str(photos / "b.jpg"), "   1   96.4 %  Plain blue  (plain_blue)"]
    assert len(result.stdout.splitlines()) == 6
    assert result.stderr == ""


def test_a_terminal_gets_a_drawn_table(tiny_bundle: Path, photos: Path, monkeypatch: pytest.MonkeyPatch):
    from galao.cli import classify as module

    monkeypatch.setattr("galao.cli.classify.table_writer", lambda: module.write_table)
    result = run(tiny_bundle, photos / "b.jpg")
    assert "Plain blue" in result.stdout
    assert "█" in result.stdout


def test_json_has_the_shape_of_the_service(tiny_bundle: Path, photos: Path):
    (answer,) = lines(run(tiny_bundle, photos / "b.jpg", "--json", "--top-k", "1"))
    predictions = answer.pop("predictions")
    digest = json.loads((tiny_bundle / "bundle.json").read_text())["digest"]
    assert answer == {
        "file": str(photos / "b.jpg"),
        "task": "classify",
        "model": {"name": "colours", "version": "1", "digest": digest},
        "verdict": None,
        "image": {"width": 64, "height": 48, "format": "jpeg"},
    }
    assert predictions == [
        {"label": "plain_blue", "name": "Plain blue", "index": 2, "confidence": pytest.approx(0.964, abs=1e-3)}
    ]


def test_a_folder_is_all_its_pictures_in_order(tiny_bundle: Path, photos: Path):
    answers = lines(run(tiny_bundle, photos, "--json"))
    assert [answer["file"] for answer in answers] == [str(photos / name) for name in ("a.PNG", "b.jpg", "more/c.webp")]


def test_a_minus_is_standard_input(tiny_bundle: Path, colour_picture: Picture):
    (answer,) = lines(run(tiny_bundle, "-", "--json", stdin=colour_picture("cyan", "WEBP")))
    assert answer["file"] == "-"
    assert answer["predictions"][0]["label"] == "plain_cyan"  # type: ignore[index]


def test_a_broken_picture_is_named_once_and_the_others_are_answered(tiny_bundle: Path, photos: Path):
    (photos / "cut.jpg").write_bytes((photos / "b.jpg").read_bytes()[:400])
    result = run(tiny_bundle, photos / "cut.jpg", photos / "gone.jpg", photos / "b.jpg")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == str(photos / "b.jpg")
    cut, gone = result.stderr.splitlines()
    assert cut.startswith("galao: ")
    assert cut.count("cut.jpg") == 1
    assert gone.count("gone.jpg") == 1


def test_a_broken_picture_has_its_line_of_json(tiny_bundle: Path, photos: Path):
    broken, good = lines(run(tiny_bundle, photos / "notes.txt", photos / "b.jpg", "--json"))
    assert broken["file"] == str(photos / "notes.txt")
    assert broken["problem"]["code"] == "unsupported_picture"  # type: ignore[index]
    assert good["predictions"]


def test_broken_standard_input_is_named(tiny_bundle: Path):
    result = run(tiny_bundle, "-", stdin=b"text")
    assert result.exit_code == 1
    assert result.stderr.startswith("galao: -: ")


def test_control_characters_in_a_file_name_do_not_reach_the_terminal(tiny_bundle: Path, photos: Path):
    name = photos / "evil\x1b[31m\n.jpg"
    name.write_bytes((photos / "b.jpg").read_bytes())
    assert "\x1b" not in run(tiny_bundle, name).stdout
    name.write_bytes(b"broken")
    result = run(tiny_bundle, name)
    assert "\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_name_that_is_not_text_is_answered(tiny_bundle: Path, photos: Path):
    name = Path(os.fsdecode(os.fsencode(photos) + b"/caf\xe9.jpg"))
    name.write_bytes((photos / "b.jpg").read_bytes())
    result = run(tiny_bundle, name, "--json")
    assert result.exit_code == 0
    assert "caf" in str(lines(result)[0]["file"])


def test_a_run_folder_stands_for_its_bundle(tmp_path: Path, build_bundle: Callable[..., Bundle], photos: Path):
    build_bundle(tmp_path / "run" / "bundle")
    assert run(tmp_path / "run", photos / "b.jpg").exit_code == 0


def test_mistakes_are_our_own_errors(tiny_bundle: Path, photos: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    for arguments, kind in [
        ((tmp_path / "gone", photos / "b.jpg"), BundleError),
        ((photos, photos / "b.jpg"), BundleError),
        ((tiny_bundle, tmp_path / "empty"), ListError),
    ]:
        error = run(*arguments).exception
        assert isinstance(error, kind)
        assert isinstance(error, GalaoError)
        assert "\n" not in str(error)


@pytest.mark.parametrize("k", ["0", "51", "many"])
def test_top_k_goes_from_one_to_fifty(tiny_bundle: Path, photos: Path, k: str):
    result = run(tiny_bundle, photos / "b.jpg", "--top-k", k)
    assert result.exit_code == 2
    assert "--top-k" in result.stderr


def test_the_help_documents_the_json():
    text = CliRunner().invoke(classify, ["--help"]).stdout
    assert '"predictions": [{"label": "rosa_canina"' in text
    assert "--top-k" in text


def test_percentages_are_aligned_and_a_small_one_is_not_called_zero():
    assert [percent(share) for share in (1.0, 0.873, 0.0001, 0.0)] == ["100.0 %", " 87.3 %", " <0.1 %", "  0.0 %"]


def test_classify_with_onnx_never_loads_torch(tiny_bundle: Path, photos: Path):
    program = (
        "import sys\n"
        "from galao.cli.classify import classify\n"
        "classify.main(sys.argv[1:], standalone_mode=False)\n"
        "heavy = ('torch', 'torchvision', 'onnx', 'fastapi', 'yaml', 'rich')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    arguments = [sys.executable, "-c", program, str(tiny_bundle), str(photos), "--json"]
    done = subprocess.run(
        arguments, capture_output=True, text=True, check=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    )
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == "[]\n"
