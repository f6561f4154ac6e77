"""The drawn_flora sets: lists, repeatability, disjoint genera, and colour that does not give them away."""

import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

FOLDER = Path(__file__).parents[2] / "datasets" / "drawn_flora"


def _load(name):
    spec = importlib.util.spec_from_file_location(f"drawn_flora_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


prepare = _load("prepare")
baseline = _load("colour_baseline")
SMALL = prepare.Settings("quickstart", genera=3, train=2, val=1, test=4, size=40, seed=1)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    out = tmp_path_factory.mktemp("small")
    assert prepare.prepare(SMALL, out, workers=1)
    return out


def _bytes(out):
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_lists_are_caffe_lists_of_pictures_that_open(small):
    for phase, count in (("train", 6), ("val", 3), ("test", 12)):
        lines = (small / f"{phase}.txt").read_text().splitlines()
        assert len(lines) == len(set(lines)) == count
        for line in lines:
            name, index = line.rsplit(" ", 1)
            with Image.open(small / name) as picture:
                assert min(picture.size) == 40
            labels = (small / "labels.txt").read_text().splitlines()
            assert Path(name).parent.name == labels[int(index)]


def test_every_genus_has_its_share_of_each_list_and_no_picture_is_in_two(small):
    names = []
    for phase, each in (("train", 2), ("val", 1), ("test", 4)):
        pairs = baseline.read_list(small / f"{phase}.txt")
        assert Counter(index for _, index in pairs) == {0: each, 1: each, 2: each}
        names += [path for path, _ in pairs]
    assert len(names) == len(set(names)) == 21


def test_lists_are_shuffled():
    _, lines = prepare.plan(prepare.DEFAULTS["quickstart"], Path())
    indices = [int(line.rsplit(" ", 1)[1]) for line in lines["train"]]
    assert indices != sorted(indices)


def test_each_view_is_in_every_list():
    tasks, _ = prepare.plan(prepare.DEFAULTS["quickstart"], Path())
    first = [task.view for task in tasks if task.genus == 0]
    assert all({"closeup", "plant", "stalk"} == set(views) for views in (first[:10], first[10:20], first[20:]))


def test_a_second_call_does_nothing(small, monkeypatch):
    monkeypatch.setattr(prepare, "draw_task", lambda task: pytest.fail("drawn again"))
    assert not prepare.prepare(SMALL, small, workers=1)


def test_the_script_draws_the_same_bytes_with_two_processes(small, tmp_path):
    settings = ["--genera", "3", "--per-genus", "train=2,val=1,test=4", "--size", "40", "--workers", "2"]
    command = [sys.executable, "-P", str(FOLDER / "prepare.py"), *settings, "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "drew 21 pictures of 3 genera" in done.stdout
    assert "21/21" in done.stderr
    assert _bytes(tmp_path) == _bytes(small)


def test_a_failed_drawing_leaves_what_was_there(tmp_path, monkeypatch):
    one = prepare.Settings("quickstart", genera=1, train=1, val=1, test=1, size=40, seed=1)
    prepare.prepare(one, tmp_path, workers=1)
    before = _bytes(tmp_path)

    def fail(task):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prepare, "draw_task", fail)
    command = ["--genera", "1", "--per-genus", "train=2,val=1,test=1", "--size", "40", "--workers", "1"]
    assert prepare.main([*command, "--out", str(tmp_path)]) == 1
    assert _bytes(tmp_path) == before
    assert not list(tmp_path.glob(".drawing-*"))


def test_other_settings_draw_other_pictures(tmp_path):
    for seed in (1, 2):
        assert prepare.prepare(prepare.Settings("quickstart", 1, 1, 1, 1, 40, seed), tmp_path, workers=1)
    assert len(baseline.read_list(tmp_path / "train.txt")) == 1


def test_the_pretraining_genera_are_not_those_of_the_quickstart():
    most = {name: prepare.FIRST_GENUS[name] + prepare.MOST_GENERA[name] for name in prepare.FIRST_GENUS}
    assert most["quickstart"] <= prepare.FIRST_GENUS["pretrain"]
    names = [
        {prepare.genus_name(n) for n in prepare.genus_numbers(prepare.DEFAULTS[name])} for name in prepare.DEFAULTS
    ]
    assert not names[0] & names[1]


def test_the_committed_labels_are_the_quickstarts():
    numbers = prepare.genus_numbers(prepare.DEFAULTS["quickstart"])
    assert len(numbers) >= 24
    assert (FOLDER / "labels.txt").read_text().splitlines() == [prepare.genus_name(number) for number in numbers]


@pytest.mark.parametrize(
    "arguments",
    [["--genera", "0"], ["--size", "7"], ["--per-genus", "train:5"], ["--per-genus", "train=0"], ["--set", "roses"]],
)
def test_a_mistake_on_the_command_line_is_one_clear_line(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        prepare.main(arguments)
    assert caught.value.code == 2
    assert "error:" in capsys.readouterr().err.splitlines()[-1]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert prepare.main(["--out", str(tmp_path / "file" / "set")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_colour_alone_does_not_tell_the_genera_apart(tmp_path):
    settings = prepare.Settings("quickstart", genera=12, train=8, val=3, test=6, size=48, seed=1)
    prepare.prepare(settings, tmp_path, workers=1)
    accuracy, _ = baseline.colour_accuracy(tmp_path)
    assert accuracy < 0.45  # chance is 0.08; a toy would reach 0.9


def test_the_colour_baseline_tells_coloured_classes_apart(tmp_path):
    colours = ("red", "lime", "blue")
    for phase in ("train", "val", "test"):
        for index, colour in enumerate(colours):
            Image.new("RGB", (20, 20), colour).save(tmp_path / f"{phase}{index}.png")
        (tmp_path / f"{phase}.txt").write_text("".join(f"{phase}{index}.png {index}\n" for index in range(3)))
    accuracy, _ = baseline.colour_accuracy(tmp_path)
    assert accuracy == 1.0


def test_the_baseline_says_when_lists_are_missing(tmp_path, capsys):
    assert baseline.main(["--data", str(tmp_path)]) == 1
    assert "run prepare.py first" in capsys.readouterr().err


def test_colour_too_near_the_net_fails():
    assert baseline.compare(0.2, 0.7) == 0
    assert baseline.compare(0.45, 0.7) == 1
    assert baseline.compare(0.1, 0.0) == 1
