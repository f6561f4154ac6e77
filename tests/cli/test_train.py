"""``galao train`` from a job to a bundle that answers, stopped and continued as a user would."""

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from galao.deploy.bundle import load_bundle

JOB = """\
name: stripes
data:
  transform_param: {crop_size: 32, short_side: 40}
  train: {source: data/train.txt, batch_size: 6, transform_param: {mirror: true}}
  val: {source: data/val.txt}
  test: {source: data/test.txt}
net: {name: shufflenet_v2_x0_5, weights: none}
solver:
  type: Adam
  base_lr: 0.003
  lr_policy: fixed
  momentum: 0.9
  max_iter: 30
  display: 5
  test_interval: 10
  random_seed: 2
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory, write_stripes):
    return write_stripes(tmp_path_factory.mktemp("stripes"), {"train": 12, "val": 4, "test": 5})


@pytest.fixture
def folder(tmp_path, data):
    (tmp_path / "data").symlink_to(data)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def galao(folder, *arguments, **options):
    command = [sys.executable, "-P", "-m", "galao.cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240, **options)


def journal(run, kind):
    return [f for f in map(json.loads, (run / "journal.jsonl").read_text().splitlines()) if f["kind"] == kind]


def test_a_job_ends_with_a_bundle_that_knows_its_worth(folder):
    found = galao(folder, "train", "job.yaml")
    assert found.returncode == 0, found.stderr
    run = folder / "runs/stripes"
    bundle = load_bundle(run / "bundle")
    final = journal(run, "final")[0]
    assert bundle.metrics["test"]["top1_correct"] == final["top1_correct"]
    assert final["n"] == 15
    assert f"({final['top1_correct']} of 15, 95 % interval" in found.stdout
    assert found.stdout.splitlines()[-1] == "Bundle: runs/stripes/bundle"
    assert (bundle.net, bundle.num_output) == ("shufflenet_v2_x0_5", 3)
    assert not (run / ".export").exists()

    tested = galao(folder, "test", "runs/stripes", "--json")
    assert json.loads(tested.stdout)["top1_correct"] == final["top1_correct"]
    classes = json.loads(tested.stdout)["classes"]
    assert {label: share["n"] for label, share in classes.items()} == {"level": 5, "upright": 5, "diagonal": 5}
    assert "level" in galao(folder, "test", "runs/stripes/bundle", "data/val.txt").stdout

    again = galao(folder, "job", "runs/stripes/job.yaml")
    assert again.stdout == (run / "job.yaml").read_text(), "the resolved job loads as it was written"
    refused = galao(folder, "train", "job.yaml", "--run", "runs/stripes")
    assert refused.stderr.startswith("galao: runs/stripes: holds a run")


@pytest.mark.slow
def test_a_run_stopped_by_sigterm_goes_on_to_the_very_same_result(folder):
    whole = galao(folder, "train", "job.yaml", "--run", "runs/whole")
    assert whole.returncode == 0, whole.stderr
    command = [sys.executable, "-P", "-m", "galao.cli", "train", "job.yaml", "solver.snapshot=4"]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if line.startswith("Iteration 10 "):
            child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 143
    child.stdout.close()
    resumed = galao(folder, "train", "job.yaml", "--snapshot", "auto")
    assert resumed.returncode == 0, resumed.stderr
    assert "Restoring previous solver status from iteration" in resumed.stdout
    assert "The job changed since the run began: solver.snapshot: 4 -> 0" in resumed.stdout
    results = [journal(folder / "runs" / name, "final")[0] for name in ("whole", "stripes")]
    assert results[0]["top1_correct"] == results[1]["top1_correct"]
    losses = [{f["iter"]: f["loss"] for f in journal(folder / "runs" / n, "train")} for n in ("whole", "stripes")]
    assert losses[0] == losses[1]
    digests = [load_bundle(folder / "runs" / n / "bundle").files["model.safetensors"] for n in ("whole", "stripes")]
    assert digests[0] == digests[1]


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_last_snapshot(folder):
    command = [sys.executable, "-P", "-m", "galao.cli", "train", "job.yaml", "solver.snapshot=4"]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if line.startswith("Iteration 10 "):
            child.kill()
    assert child.wait(60) == -signal.SIGKILL
    child.stdout.close()
    resumed = galao(folder, "train", "job.yaml", "solver.snapshot=4", "--snapshot", "auto")
    assert resumed.returncode == 0, resumed.stderr
    assert "Restoring previous solver status from iteration 8" in resumed.stdout


@pytest.mark.slow
def test_broken_pictures_are_skipped_counted_and_listed(folder, tmp_path, write_stripes):
    (folder / "data").unlink()
    broken = write_stripes(folder / "data", {"train": 6, "val": 2, "test": 2})
    for name in ("train_0_1.png", "test_2_0.png"):
        (broken / name).write_bytes(b"not a picture")
    refused = galao(folder, "train", "job.yaml", "--run", "runs/refused")
    assert refused.returncode == 1
    assert "train_0_1.png" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    found = galao(folder, "train", "job.yaml", "data.broken_picture=skip")
    assert found.returncode == 0, found.stderr
    listed = (folder / "runs/stripes/skipped.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in listed] == ["data/test_2_0.png", "data/train_0_1.png"]
    assert journal(folder / "runs/stripes", "final")[0]["n"] == 5


@pytest.mark.slow
def test_an_unwritable_folder_is_one_line(folder):
    (folder / "file").write_text("x")
    found = galao(folder, "train", "job.yaml", "--run", "file/run")
    assert found.returncode == 1
    assert found.stderr.startswith("galao: ")
    assert len(found.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines(folder):
    master, slave = pty.openpty()
    command = [sys.executable, "-P", "-m", "galao.cli", "train", "job.yaml"]
    environment = os.environ | {"COLUMNS": "120", "LINES": "40", "TERM": "xterm"}
    child = subprocess.Popen(command, cwd=folder, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    screen = b""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        screen += part
    assert child.wait(30) == 0
    text = screen.decode(errors="replace")
    assert "images/s" in text
    assert "30/30" in text
    assert "Bundle: runs/stripes/bundle" in text
