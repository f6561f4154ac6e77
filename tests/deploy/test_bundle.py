import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galao.deploy.bundle import Bundle, find_bundle, load_bundle
from galao.errors import BundleError
from galao.lists.listfile import Label, read_labels
from galao.pictures.prepare import Preprocessing

Build = Callable[..., Bundle]


def edit(folder: Path, **changes: Any) -> None:
    """Change fields of bundle.json and leave its digest as it was."""
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def complaint(folder: Path) -> str:
    with pytest.raises(BundleError) as error:
        load_bundle(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.parent.iterdir() if path.name != folder.name]


def test_a_saved_bundle_is_read_back_as_it_was_written(tmp_path: Path, build_bundle: Build):
    saved = build_bundle(tmp_path / "a" / "bundle")
    assert load_bundle(tmp_path / "a" / "bundle") == saved
    assert saved.labels[2] == Label("plain_blue", "Plain blue")
    assert saved.preprocessing == Preprocessing(32, 36, None, None, (127.5,) * 3, (1 / 64,) * 3)
    assert saved.metrics == {"top1": 1.0, "n": 6}
    assert saved.upload == {"short_side": 448, "formats": ["image/webp", "image/jpeg"], "quality": 75}
    assert not saved.calibrated
    assert leftovers(saved.folder) == []


def test_the_folder_holds_json_text_and_onnx_and_nothing_that_runs(tiny_bundle: Path):
    assert sorted(path.name for path in tiny_bundle.iterdir()) == ["bundle.json", "labels.txt", "model.onnx"]


@pytest.mark.parametrize(
    "labels",
    [
        [Label("rosa_canina", "rosa canina"), Label("great white shark", "great white shark")],
        [Label("n01440764", "tench"), Label("n01443537", "goldfish")],
    ],
)
def test_labels_txt_reads_back_as_the_labels(tmp_path: Path, build_bundle: Build, labels: list[Label]):
    folder = build_bundle(tmp_path / "b", labels=labels).folder
    assert list(read_labels(folder / "labels.txt")) == labels


def test_a_tab_in_a_label_or_a_licence_of_many_lines_costs_no_training(tmp_path: Path, build_bundle: Build):
    bundle = build_bundle(tmp_path / "b", labels=[Label("a\tb", "A\nB")], license="CC\nBY", weights="")
    assert bundle.labels == (Label("a b", "A B"),)
    assert (bundle.license, bundle.weights) == ("CC BY", "-")


def test_a_net_that_looks_closer_asks_for_larger_uploads(tmp_path: Path, build_bundle: Build):
    closer = Preprocessing(crop_size=512, short_side=600)
    assert build_bundle(tmp_path / "b", preprocessing=closer).upload["short_side"] == 600


def test_the_digest_changes_with_any_file_and_any_field(tmp_path: Path, build_bundle: Build, colour_net: Path):
    other = tmp_path / "other.onnx"
    other.write_bytes(colour_net.read_bytes() + b"\x00")
    digests = {
        build_bundle(tmp_path / "a").digest,
        build_bundle(tmp_path / "b", version="2").digest,
        build_bundle(tmp_path / "c", files={"model.onnx": other}).digest,
    }
    assert len(digests) == 3


@pytest.mark.parametrize("name", ["model.onnx", "labels.txt"])
def test_an_edited_file_is_named(tiny_bundle: Path, name: str):
    with (tiny_bundle / name).open("ab") as stream:
        stream.write(b"x")
    assert "damaged or edited" in complaint(tiny_bundle)
    assert name in complaint(tiny_bundle)


def test_a_missing_file_is_named(tiny_bundle: Path):
    (tiny_bundle / "model.onnx").unlink()
    assert "model.onnx is missing" in complaint(tiny_bundle)


def test_a_link_in_place_of_a_file_is_refused(tiny_bundle: Path, colour_net: Path):
    (tiny_bundle / "model.onnx").unlink()
    (tiny_bundle / "model.onnx").symlink_to(colour_net)
    assert "no plain file" in complaint(tiny_bundle)


def test_an_edited_manifest_is_refused(tiny_bundle: Path):
    edit(tiny_bundle, license="do what you like")
    assert "was edited" in complaint(tiny_bundle)


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/hosts", "a/b", "..", ".hidden", "", "a\\b"])
def test_a_file_outside_the_folder_is_refused(tiny_bundle: Path, name: str):
    edit(tiny_bundle, files={name: "sha256:" + "0" * 64})
    assert "files" in complaint(tiny_bundle)


def test_a_bundle_of_another_format_says_which_galao_wrote_it(tiny_bundle: Path):
    edit(tiny_bundle, format=2, written_by="galao 9.1.0", shape="unknown to us")
    assert "format 2, written by galao 9.1.0" in complaint(tiny_bundle)
    assert "update galao" in complaint(tiny_bundle)


@pytest.mark.parametrize("value", ["1", None, True, 1.0, [1]])
def test_a_format_that_is_no_whole_number_is_refused(tiny_bundle: Path, value: Any):
    edit(tiny_bundle, format=value)
    assert "format must be 1" in complaint(tiny_bundle)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_output": 7}, "6 labels for num_output 7"),
        ({"num_output": "6"}, "num_output"),
        ({"surprise": 1}, "surprise"),
        ({"name": "../up"}, "name"),
        ({"version": "1 2"}, "version"),
        ({"labels": [{"label": "a\x1b[31m", "name": "a"}]}, "labels.0.label: holds a control character"),
        ({"labels": [{"label": "", "name": "a"}]}, "labels.0.label"),
        ({"files": {}}, "files"),
        ({"files": {"model.onnx": "md5:0"}}, "files.model.onnx"),
        ({"upload": {"short_side": 0, "formats": ["image/webp"], "quality": 75}}, "upload.short_side"),
        ({"net": "\ud800"}, "Invalid JSON"),
    ],
)
def test_a_wrong_field_is_named(tiny_bundle: Path, changes: dict[str, Any], words: str):
    edit(tiny_bundle, **changes)
    assert words in complaint(tiny_bundle)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not valid JSON"),
        (b"\x80\x04\x95pickle", "not valid JSON"),
        (b"[1]", "one JSON object"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"format": 1, "metrics": {"top1": NaN}}', "NaN is not a number"),
        (b'{"format": 1, "format": 1}', "stands twice"),
        (b" " * 16_000_001, "larger than 16 MB"),
    ],
)
def test_what_is_no_manifest_is_refused_in_one_line(tiny_bundle: Path, content: bytes, words: str):
    (tiny_bundle / "bundle.json").write_bytes(content)
    assert words in complaint(tiny_bundle)


@pytest.mark.parametrize(
    "changes",
    [
        {"crop_size": 0},
        {"crop_size": 100_000, "short_side": 100_000},
        {"crop_size": "32"},
        {"scale": [1, 1]},
        {"more": 1},
    ],
)
def test_impossible_preprocessing_is_refused(tiny_bundle: Path, changes: dict[str, Any]):
    rewrite(tiny_bundle, preprocessing=json.loads((tiny_bundle / "bundle.json").read_text())["preprocessing"] | changes)
    assert "preprocessing" in complaint(tiny_bundle)


def rewrite(folder: Path, **changes: Any) -> None:
    """Change fields as somebody would who also computes the digest."""
    edit(folder, **changes)
    fields = json.loads((folder / "bundle.json").read_text())
    fields.pop("digest")
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    edit(folder, digest="sha256:" + hashlib.sha256(text.encode()).hexdigest())


def test_a_bundle_without_any_net_is_refused(tiny_bundle: Path):
    fields = json.loads((tiny_bundle / "bundle.json").read_text())
    rewrite(tiny_bundle, files={"labels.txt": fields["files"]["labels.txt"]})
    assert "neither model.onnx nor model.safetensors" in complaint(tiny_bundle)


def test_a_file_that_merely_lies_there_is_not_the_bundles(tiny_bundle: Path):
    (tiny_bundle / "model.safetensors").write_bytes(b"planted")
    bundle = load_bundle(tiny_bundle)
    assert not bundle.holds("model.safetensors")
    with pytest.raises(BundleError, match=r"holds no model\.safetensors"):
        bundle.file("model.safetensors")


def test_a_newer_bundle_takes_the_place_of_the_older(tmp_path: Path, build_bundle: Build):
    first, second = build_bundle(tmp_path / "b"), build_bundle(tmp_path / "b", version="2")
    assert first.digest != second.digest
    assert load_bundle(tmp_path / "b") == second
    assert leftovers(tmp_path / "b") == []


def test_a_link_to_a_bundle_still_leads_to_it_after_a_newer_one_is_saved(tmp_path: Path, build_bundle: Build):
    build_bundle(tmp_path / "versions" / "one")
    (tmp_path / "live").symlink_to(tmp_path / "versions" / "one")
    build_bundle(tmp_path / "live", version="2")
    assert (tmp_path / "live").is_symlink()
    assert load_bundle(tmp_path / "live").version == "2"


def test_a_full_disk_leaves_the_older_bundle_whole(
    tmp_path: Path, build_bundle: Build, monkeypatch: pytest.MonkeyPatch
):
    first = build_bundle(tmp_path / "b")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BundleError, match="No space left on device"):
        build_bundle(tmp_path / "b", version="2")
    assert load_bundle(tmp_path / "b") == first
    assert leftovers(tmp_path / "b") == []


def test_a_failed_rename_puts_the_older_bundle_back(
    tmp_path: Path, build_bundle: Build, monkeypatch: pytest.MonkeyPatch
):
    first = build_bundle(tmp_path / "b")
    rename = Path.rename

    def refuse_the_new(self: Path, target: Path) -> Path:
        if ".new-" in self.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_the_new)
    with pytest.raises(BundleError, match="Input/output error"):
        build_bundle(tmp_path / "b", version="2")
    assert load_bundle(tmp_path / "b") == first
    assert leftovers(tmp_path / "b") == []


def test_a_bundle_kept_aside_by_a_crash_is_pointed_to_and_survives_until_a_new_one_stands(
    tmp_path: Path, build_bundle: Build
):
    build_bundle(tmp_path / "b")
    (tmp_path / "b").rename(tmp_path / ".b.old")
    assert "an earlier one was kept as" in complaint(tmp_path / "b")
    build_bundle(tmp_path / "b", version="2")
    assert leftovers(tmp_path / "b") == []


def test_a_source_file_that_is_not_there_is_named_and_leaves_nothing(tmp_path: Path, build_bundle: Build):
    with pytest.raises(BundleError, match=r"No such file or directory.*gone\.onnx"):
        build_bundle(tmp_path / "b", files={"model.onnx": tmp_path / "gone.onnx"})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_not_overwritten(tmp_path: Path, build_bundle: Build):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(BundleError, match="holds other files and no bundle"):
        build_bundle(tmp_path / "photos")
    assert (tmp_path / "photos" / "holiday.jpg").read_bytes() == b"mine"


def test_an_empty_folder_is_a_good_place(tmp_path: Path, build_bundle: Build):
    (tmp_path / "b").mkdir()
    assert load_bundle(build_bundle(tmp_path / "b").folder).version == "1"


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path, build_bundle: Build):
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="is a file"):
        build_bundle(tmp_path / "file")
    with pytest.raises(BundleError, match="cannot write the bundle"):
        build_bundle(tmp_path / "file" / "b")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "my flora"}, "name"),
        ({"labels": []}, "num_output"),
        ({"metrics": {"loss": float("nan")}}, "not finite"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(
    tmp_path: Path, build_bundle: Build, changes: dict[str, Any], words: str
):
    with pytest.raises(BundleError, match=words):
        build_bundle(tmp_path / "deep" / "b", **changes)
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_file_name_that_leads_out_of_the_bundle_is_our_own_mistake(tmp_path: Path, build_bundle: Build):
    with pytest.raises(AssertionError):
        build_bundle(tmp_path / "b", files={"../model.onnx": Path("/dev/null")})
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_is_found_in_its_run(tmp_path: Path, build_bundle: Build):
    folder = build_bundle(tmp_path / "run" / "bundle").folder
    assert find_bundle(tmp_path / "run") == folder
    assert find_bundle(folder) == folder


def test_a_place_without_a_bundle_is_named(tmp_path: Path):
    with pytest.raises(BundleError, match=r"holds no bundle\.json"):
        find_bundle(tmp_path)
    with pytest.raises(BundleError, match="nothing at"):
        find_bundle(tmp_path / "gone")
    assert "there is no bundle" in complaint(tmp_path / "gone")


def test_a_moved_bundle_still_loads(tmp_path: Path, tiny_bundle: Path):
    shutil.copytree(tiny_bundle, tmp_path / "elsewhere")
    assert load_bundle(tmp_path / "elsewhere").digest == load_bundle(tiny_bundle).digest
