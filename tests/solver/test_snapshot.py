"""Snapshots: whole or not there; paired by hash; the one before is used when the newest is damaged."""

import errno
import os
import resource

import pytest
import torch

from galao.errors import RunError
from galao.solver import run
from galao.solver.snapshot import Progress, Snapshot, load, load_newest, save


def moment(iteration):
    tensors = {"w": torch.full((3,), float(iteration))}
    return Snapshot(Progress(iteration=iteration, losses=(1.5, 2.5)), tensors, {"history.0.w": torch.ones(3)}, seed=9)


@pytest.fixture
def prefix(tmp_path):
    for iteration in (100, 200):
        save(tmp_path / "snaps" / "net", moment(iteration))
    return tmp_path / "snaps" / "net"


def test_a_snapshot_comes_back_as_it_was(prefix):
    found = load_newest(prefix, print)
    assert found.progress == moment(200).progress
    assert found.seed == 9
    assert torch.equal(found.model["w"], torch.full((3,), 200.0))
    assert torch.equal(found.state["history.0.w"], torch.ones(3))


@pytest.mark.parametrize("part", ["safetensors", "solverstate.safetensors", "json"])
@pytest.mark.parametrize("damage", ["edited", "torn", "gone", "empty"])
def test_a_damaged_snapshot_gives_way_to_the_one_before_and_is_named(prefix, part, damage):
    path = prefix.parent / f"net_iter_200.{part}"
    data = path.read_bytes()
    match damage:
        case "edited":
            path.write_bytes(
                data.replace(b"9", b"8") if part == "json" else data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]
            )
        case "torn":
            path.write_bytes(data[: len(data) // 2])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
    told = []
    assert load_newest(prefix, told.append).progress.iteration == 100
    assert told == [] if (part, damage) == ("json", "gone") else "net_iter_200" in told[0]


def test_without_a_whole_snapshot_one_is_told_so(tmp_path):
    with pytest.raises(RunError, match="no whole snapshot of net"):
        load_newest(tmp_path / "net", print)


def test_a_model_of_another_moment_does_not_pair(prefix):
    folder = prefix.parent
    (folder / "net_iter_200.safetensors").write_bytes((folder / "net_iter_100.safetensors").read_bytes())
    with pytest.raises(RunError, match="not the file that net_iter_200.json was written with"):
        load(folder / "net_iter_200.json")


def test_a_moved_folder_of_snapshots_still_loads(prefix, tmp_path):
    prefix.parent.rename(tmp_path / "elsewhere")
    assert load_newest(tmp_path / "elsewhere" / "net", print).progress.iteration == 200


def test_a_full_disk_is_one_line_and_leaves_earlier_snapshots_alone(prefix, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(run.os, "fsync", refuse)
    with pytest.raises(RunError, match="the disk is full; free some space") as caught:
        save(prefix, moment(300))
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert load_newest(prefix, print).progress.iteration == 200
    assert not list(prefix.parent.glob(".*"))


def test_a_file_that_cannot_be_written_to_its_end_is_told_and_leaves_nothing(prefix):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(RunError, match="net_iter_300"):
            save(prefix, moment(300))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert load_newest(prefix, print).progress.iteration == 200
    assert not list(prefix.parent.glob("*300.json"))
    assert not list(prefix.parent.glob(".*"))


def test_snapshots_are_as_readable_as_other_files(prefix):
    modes = {path.stat().st_mode & 0o777 for path in prefix.parent.iterdir()}
    (prefix.parent / "plain").write_text("x")
    assert modes == {(prefix.parent / "plain").stat().st_mode & 0o777}


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="file"):
        save(tmp_path / "file" / "net", moment(1))
