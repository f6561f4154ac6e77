"""Exact counts of right answers, and intervals for them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from galao.errors import GalaoError


def correct_in_top_k(scores: np.ndarray, targets: np.ndarray, k: int) -> np.ndarray:
    """Whether fewer than ``k`` other classes score at least as much as the true one (ties count against, as in Caffe).

    Args:
        scores: [N,C] logits or probabilities.
        targets: [N] class indices.
        k: how many answers count.

    Raises:
        GalaoError: a score is NaN, which Caffe's accuracy layer would report as 100 % right.
    """
    if np.isnan(scores).any():
        raise GalaoError("the net answers NaN for some pictures; its accuracy means nothing, the run has diverged")
    true = scores[np.arange(len(targets)), targets][:, None]
    rivals = (scores >= true).sum(axis=1) - 1
    return np.asarray(rivals < k)


def wilson_interval(correct: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % score interval of a share (Wilson 1927, JASA 22:209); (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    share, z2 = correct / n, z * z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low = 0.0 if correct == 0 else max(0.0, centre - half)
    high = 1.0 if correct == n else min(1.0, centre + half)
    return low, high


@dataclass(frozen=True, slots=True)
class Share:
    """``correct`` of ``n``."""

    correct: int
    n: int

    @property
    def value(self) -> float:
        """The share in 0..1; NaN for n = 0."""
        return self.correct / self.n if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval."""
        return wilson_interval(self.correct, self.n)

    def __str__(self) -> str:
        if not self.n:
            return "no pictures"
        low, high = self.interval
        return f"{100 * self.value:.1f} % ({self.correct} of {self.n}, 95 % interval {100 * low:.1f}-{100 * high:.1f})"


@dataclass(frozen=True)
class Accuracy:
    """Top-1, top-5 and each class's top-1, counted exactly."""

    top1: Share
    top5: Share
    per_class: tuple[Share, ...]

    def to_json(self) -> dict[str, float | int | list[float]]:
        """Numbers for a bundle or a journal."""
        return {
            "n": self.top1.n,
            "top1_correct": self.top1.correct,
            "top1": round(self.top1.value, 6),
            "top1_interval": [round(x, 6) for x in self.top1.interval],
            "top5_correct": self.top5.correct,
            "top5": round(self.top5.value, 6),
        }


def accuracy(scores: np.ndarray, targets: Sequence[int] | np.ndarray) -> Accuracy:
    """Accuracy of scores [N,C] against targets [N]."""
    truth = np.asarray(targets, dtype=np.int64)
    first = correct_in_top_k(scores, truth, 1)
    fifth = correct_in_top_k(scores, truth, 5)
    per_class = tuple(Share(int(first[truth == c].sum()), int((truth == c).sum())) for c in range(scores.shape[1]))
    n = len(truth)
    return Accuracy(Share(int(first.sum()), n), Share(int(fifth.sum()), n), per_class)
