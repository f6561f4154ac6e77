"""How far colour alone gets: logistic regression on colour histograms, beside a net when a bundle is given.

    python datasets/drawn_flora/colour_baseline.py                      # test top-1 of colour alone
    python datasets/drawn_flora/colour_baseline.py --bundle runs/quickstart/bundle

A set whose classes colour tells apart is a toy. With ``--bundle`` the command fails (exit code 1) when colour
reaches 60 % of the net's test top-1 or more.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from galao.errors import GalaoError

Array = NDArray[np.float64]
BINS = 8  # a channel: 512 colours
STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3)  # of the L2 penalty, chosen on val.txt
LIMIT = 0.60


@dataclass(frozen=True, slots=True)
class Phase:
    """One list's pictures as histograms ``x [N,512]`` and class indices ``y [N]``."""

    x: Array
    y: NDArray[np.int64]


def read_list(path: Path) -> list[tuple[Path, int]]:
    """Paths and class indices of a Caffe list."""
    pairs = (line.rsplit(" ", 1) for line in path.read_text().splitlines() if line)
    return [(path.parent / name, int(index)) for name, index in pairs]


def colour_histogram(path: Path) -> Array:
    """The shares ``[512]`` of a picture's colours, square-rooted so that large areas do not drown small ones."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB").reduce(2)).reshape(-1, 3).astype(np.int64) * BINS // 256
    counts = np.bincount(pixels @ np.array([BINS * BINS, BINS, 1]), minlength=BINS**3)
    return np.asarray(np.sqrt(counts / counts.sum()))


def load_phase(path: Path) -> Phase:
    """Histograms and labels of one list."""
    pairs = read_list(path)
    with ThreadPoolExecutor() as pool:
        rows = list(pool.map(colour_histogram, [picture for picture, _ in pairs]))
    return Phase(np.stack(rows), np.array([index for _, index in pairs]))


def fit(x: Array, y: NDArray[np.int64], strength: float, steps: int = 400) -> Array:
    """Weights ``[D+1,C]`` of a softmax regression with an L2 penalty: gradient descent with momentum."""
    data = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    target = np.eye(int(y.max()) + 1)[y]
    weights, velocity = np.zeros((data.shape[1], target.shape[1])), 0.0
    rate = 1.0 / (0.5 * np.linalg.norm(data, 2) ** 2 / len(x) + strength)  # below 1 / the loss's curvature
    for step in range(steps):
        ahead = weights + 0.9 * min(1.0, step / 10) * velocity
        scores = data @ ahead
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        change = rate * (data.T @ (chances - target) / len(x) + strength * ahead)
        fresh = ahead - change
        weights, velocity = fresh, fresh - weights
    return weights


def hits(weights: Array, phase: Phase) -> int:
    """How many pictures get their own class first."""
    scores = phase.x @ weights[:-1] + weights[-1]
    return int((scores.argmax(axis=1) == phase.y).sum())


def standardise(phases: Sequence[Phase]) -> list[Phase]:
    """All phases with the first one's mean taken away and divided by its spread."""
    mean, spread = phases[0].x.mean(axis=0), phases[0].x.std(axis=0)
    return [Phase((phase.x - mean) / np.maximum(spread, 0.01), phase.y) for phase in phases]


def colour_accuracy(folder: Path) -> tuple[float, float]:
    """Test top-1 of colour alone (0..1) and the penalty that the validation list chose."""
    train, val, test = standardise([load_phase(folder / f"{phase}.txt") for phase in ("train", "val", "test")])
    best = max(STRENGTHS, key=lambda strength: hits(fit(train.x, train.y, strength), val))
    both = np.concatenate([train.x, val.x]), np.concatenate([train.y, val.y])
    return hits(fit(*both, best), test) / len(test.y), best


def net_accuracy(bundle: Path, test_list: Path, batch: int = 32) -> float:
    """Test top-1 (0..1) of a bundle on the same list."""
    from galao.deploy.predictor import Predictor  # noqa: PLC0415  only this branch needs it
    from galao.pictures.decode import decode  # noqa: PLC0415

    predictor = Predictor.load(bundle)
    pairs, right = read_list(test_list), 0
    for start in range(0, len(pairs), batch):
        part = pairs[start : start + batch]
        answers = predictor.predict([decode(path).image for path, _ in part], top_k=1)
        right += sum(answer[0].index == index for answer, (_, index) in zip(answers, part, strict=True))
    return right / len(pairs)


def compare(colour: float, net: float) -> int:
    """Print colour beside the net; 1 when colour gets too near, else 0."""
    ratio = colour / net if net else float("inf")
    verdict = "fine: the net sees more than colour" if ratio < LIMIT else "too near: colour tells these classes apart"
    print(f"net test top-1 {net:.1%}; colour reaches {ratio:.0%} of it (limit {LIMIT:.0%}): {verdict}")
    return int(ratio >= LIMIT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; 1 when the lists are missing or colour is too near the net."""
    parser = argparse.ArgumentParser(description="Test top-1 of colour alone, beside a net's.")
    parser.add_argument(
        "--data", type=Path, default=Path(__file__).parent, help="folder of train.txt, val.txt, test.txt"
    )
    parser.add_argument("--bundle", type=Path, help="a bundle to test on the same list")
    given = parser.parse_args(arguments)
    try:
        colour, strength = colour_accuracy(given.data)
    except FileNotFoundError as error:
        print(f"colour_baseline: {error.filename} is missing; run prepare.py first", file=sys.stderr)
        return 1
    print(f"colour histograms, logistic regression (L2 {strength:g}): test top-1 {colour:.1%}")
    if given.bundle is None:
        return 0
    try:
        return compare(colour, net_accuracy(given.bundle, given.data / "test.txt"))
    except GalaoError as error:
        print(f"colour_baseline: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
