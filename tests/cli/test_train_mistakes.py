"""Deliberate mistakes in a job: one line, exit code 1, and quickly where no torch is needed."""

import subprocess
import sys

import pytest
from safetensors.numpy import save_file

JOB = """\
name: roses
data:
  train:
    source: train.txt
    batch_size: 4
net:
  name: shufflenet_v2_x0_5
  weights: none
solver:
  base_lr: 0.01
  lr_policy: fixed
  max_iter: 2
"""


@pytest.fixture
def folder(tmp_path, write_stripes):
    write_stripes(tmp_path, {"train": 2})
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def complaint(folder, *arguments):
    command = [sys.executable, "-P", "-m", "galao.cli", "train", "job.yaml", *arguments]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert found.returncode == 1, found.stdout + found.stderr
    assert found.stderr.startswith("galao: ")
    assert len(found.stderr.splitlines()) == 1, found.stderr
    assert not (folder / "runs").exists(), "a mistake leaves no run behind"
    return found.stderr


def edit(folder, name, old, new):
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def remove(folder, name):
    (folder / name).unlink()


MISTAKES = {
    "a misspelt field": (
        lambda f: edit(f, "job.yaml", "batch_size", "batchsize"),
        "job.yaml:5: data.train.batchsize: is not a field of a job; did you mean batch_size?",
    ),
    "a value of another type": (
        lambda f: edit(f, "job.yaml", "batch_size: 4", "batch_size: four"),
        'job.yaml:5: data.train.batch_size: must be a valid integer, got "four"',
    ),
    "a key given twice": (
        lambda f: edit(f, "job.yaml", "  max_iter: 2\n", "  max_iter: 2\n  max_iter: 3\n"),
        "job.yaml:13: solver.max_iter is given twice",
    ),
    "an lr_policy without its gamma": (
        lambda f: edit(f, "job.yaml", "fixed", "step"),
        "job.yaml:11: solver.lr_policy: step needs gamma",
    ),
    "an unsorted stepvalue": (
        lambda f: edit(f, "job.yaml", "fixed", "multistep\n  gamma: 0.1\n  stepvalue: [9, 5]"),
        "solver.stepvalue: must rise from entry to entry",
    ),
    "a list without labels": (
        lambda f: remove(f, "labels.txt"),
        "train.txt: no labels.txt beside this list",
    ),
    "a label out of range": (
        lambda f: edit(f, "train.txt", "train_1_0.png 1", "train_1_0.png 3"),
        "train.txt:3: class index 3 is out of range: there are 3 labels",
    ),
    "a label that is no number": (
        lambda f: edit(f, "train.txt", "train_1_0.png 1", "train_1_0.png rose"),
        "train.txt:3: the class index 'rose' is not an integer",
    ),
    "a num_output that disagrees": (
        lambda f: edit(f, "job.yaml", "weights: none", "weights: none\n  num_output: 5"),
        "net.num_output is 5, but there are 3 labels",
    ),
    "a missing picture": (
        lambda f: remove(f, "train_2_1.png"),
        "train.txt:6: no picture at train_2_1.png",
    ),
    "a missing list": (
        lambda f: remove(f, "train.txt"),
        "job.yaml:4: data.train.source: nothing at train.txt; relative paths",
    ),
    "weights that are not there": (
        lambda f: edit(f, "job.yaml", "weights: none", "weights: roses.safetensors"),
        "job.yaml:8: net.weights: nothing at roses.safetensors",
    ),
    "a job that is not there": (lambda f: remove(f, "job.yaml"), "job.yaml: cannot read the job file"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(folder, mistake):
    make, expected = MISTAKES[mistake]
    make(folder)
    assert expected in complaint(folder)


def test_an_unknown_net_names_the_nearest(folder):
    assert "no net called 'shuflenet_v2_x0_5'; nearest: shufflenet_v2_x0_5" in complaint(
        folder, "net.name=shuflenet_v2_x0_5"
    )


def test_weights_of_another_shape_name_the_layer(folder):
    import numpy as np

    save_file({"conv1.0.weight": np.zeros((8, 3, 3, 3), np.float32)}, folder / "w.safetensors")
    assert "net.weights: conv1.0.weight is 8x3x3x3 in w.safetensors, 24x3x3x3 in the net" in complaint(
        folder, "net.weights=w.safetensors"
    )


def test_a_net_that_cannot_read_the_pictures_is_told(folder):
    assert "shufflenet_v2_x0_5 cannot learn from 1 pictures of 32x32" in complaint(
        folder, "data.train.batch_size=1", "data.transform_param.crop_size=32"
    )


def test_a_pattern_without_a_namesake_is_told(folder):
    assert "net.param.0.name: 'fcc.*' matches no parameter" in complaint(folder, "net.param=[{name: fcc.*}]")


def test_a_missing_gpu_is_told(folder):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert "GPU asked for, but no CUDA device is here; set solver.solver_mode=CPU" in complaint(
        folder, "solver.solver_mode=GPU"
    )
