"""Every job under configs/ loads, says in its first line how to run it, and has a README beside it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from galao.config.load import load_job

ROOT = Path(__file__).parents[1]
JOBS = sorted((ROOT / "configs").rglob("*.yaml"))


def test_there_are_jobs():
    assert len(JOBS) >= 3


@pytest.mark.parametrize("path", JOBS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_job_loads_and_says_how_to_run_it(path):
    job = load_job(path)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert re.match(r"# (make|galao|python) \w+", first)
    assert (path.parent / "README.md").is_file()
    assert job.name


@pytest.mark.slow
@pytest.mark.parametrize("path", JOBS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_job_runs_two_iterations(path, tmp_path, write_stripes):
    """On a few striped pictures in place of its own, so that nothing needs to be at hand."""
    data = write_stripes(tmp_path / "data", {"train": 12, "val": 2, "test": 2})
    job = load_job(path)
    overrides = [f"data.train.source={data / 'train.txt'}", f"data.labels={data / 'labels.txt'}"]
    overrides += [
        f"data.{phase}.source={data / f'{phase}.txt'}" for phase in ("val", "test") if getattr(job.data, phase)
    ]
    overrides += ["solver.max_iter=2", "solver.max_epoch=null", "solver.warmup_iter=0", "net.num_output=null"]
    overrides += ["solver.test_interval=2", "data.train.batch_size=8"]
    if job.net.weights != "embedded":
        overrides.append("net.weights=none")
    command = [sys.executable, "-P", "-m", "galao.cli", "train", str(path), "--run", str(tmp_path / "run"), *overrides]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    assert (tmp_path / "run/bundle/bundle.json").is_file()
