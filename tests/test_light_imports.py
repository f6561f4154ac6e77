"""What a person waits for: help, a mistake in a job, and lists must not load torch (8 s on a busy laptop)."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "onnxruntime", "fastapi", "uvicorn")
SCRIPT = """
import sys
sys.argv[0] = "galao"
try:
    {code}
except SystemExit:
    pass
print(*[name for name in {heavy} if name in sys.modules], file=sys.stderr)
"""


def heavy_after(code, cwd):
    script = SCRIPT.format(code=code, heavy=HEAVY)
    found = subprocess.run([sys.executable, "-P", "-c", script], cwd=cwd, capture_output=True, text=True, check=True)
    return found.stderr.splitlines()[-1].split()


MAIN = "from galao.cli.main import main; sys.argv[1:] = {!r}; main()"


@pytest.fixture
def job(tmp_path):
    (tmp_path / "job.yaml").write_text(
        "name: t\ndata:\n  train:\n    source: train.txt\nsolver: {base_lr: 1, lr_policy: fixed, max_iter: 1}\n"
    )
    (tmp_path / "train.txt").write_text("a.jpg 0\n")
    (tmp_path / "labels.txt").write_text("rose\n")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["job", "job.yaml"],
        ["train", "job.yaml", "solver.base_Ir=1"],
        ["train", "job.yaml", "net.weights=nowhere.safetensors"],
        ["train", "job.yaml"],
        ["train", "job.yaml", "--snapshot", "auto"],
        ["trian"],
    ],
    ids=" ".join,
)
def test_the_command_line_is_light(job, arguments):
    assert heavy_after(MAIN.format(arguments), job) == []


@pytest.mark.parametrize(
    "module",
    ["galao.config.load", "galao.lists.sources", "galao.metrics.topk", "galao.pictures.prepare", "galao_client"],
)
def test_light_rooms_stay_light(tmp_path, module):
    assert heavy_after(f"import {module}", tmp_path) == []


def test_the_guard_can_see_a_heavy_import(tmp_path):
    assert "torch" in heavy_after("import torch", tmp_path)
