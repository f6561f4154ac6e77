"""What the embedded weights are worth: the quickstart from them and from random start, over seeds.

    python tests/bench/gain.py [--seeds 1 2 3] [key.key=value ...]

Prints test top-1 of each run, and median, spread and gain.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

JOB = "configs/quickstart/job.yaml"
WEIGHTS = ("embedded", "none")


def run(weights: str, seed: int, overrides: list[str], folder: Path) -> tuple[float, float]:
    """Test top-1 in percent and wall seconds of one quickstart."""
    place = folder / f"{weights}-{seed}"
    command = [sys.executable, "-m", "galao.cli", "train", JOB, "--run", str(place)]
    command += [f"net.weights={weights}", f"solver.random_seed={seed}", *overrides]
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    lines = (place / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    final = next(fields for fields in map(json.loads, lines) if fields["kind"] == "final")
    return 100 * float(final["top1"]), seconds


def main() -> None:
    """Run all, interleaved, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    results: dict[str, list[float]] = {weights: [] for weights in WEIGHTS}
    with tempfile.TemporaryDirectory() as folder:
        for seed in given.seeds:
            for weights in WEIGHTS:
                top1, seconds = run(weights, seed, given.overrides, Path(folder))
                results[weights].append(top1)
                print(f"seed {seed}  net.weights={weights:8}  test top-1 {top1:5.1f} %  {seconds:4.0f} s", flush=True)
    for weights, values in results.items():
        print(f"{weights:8}  median {statistics.median(values):5.1f} %  from {min(values):.1f} to {max(values):.1f}")
    gains = [a - b for a, b in zip(results["embedded"], results["none"], strict=True)]
    print(f"gain      median {statistics.median(gains):5.1f} points  from {min(gains):.1f} to {max(gains):.1f}")


if __name__ == "__main__":
    main()
