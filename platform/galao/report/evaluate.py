"""Right answers of a finished net over a list, through the very decoder, transform and backend that serve."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from galao.deploy.backends import Backend
from galao.errors import ListError, PictureError
from galao.lists.listfile import Label
from galao.metrics.topk import Accuracy, accuracy
from galao.pictures.decode import OWN_PICTURES, decode
from galao.pictures.prepare import Preprocessing, prepare
from galao.records import Sample

BATCH = 16


@dataclass(frozen=True)
class Evaluation:
    """``logits`` [N,C] and ``targets`` [N] of what decodes, the accuracy, and the other pictures with the reason."""

    logits: NDArray[np.float32]
    targets: NDArray[np.int64]
    accuracy: Accuracy
    skipped: tuple[tuple[Path, str], ...]


def evaluate(
    backend: Backend, how: Preprocessing, samples: Sequence[Sample], workers: int = 2, skip_broken: bool = False
) -> Evaluation:
    """Answer every sample once.

    Raises:
        PictureError: a picture does not decode, unless ``skip_broken``.
        ListError: no picture decodes.
    """
    logits, targets, skipped = [], [], []
    with ThreadPoolExecutor(workers) as pool:
        for batch in _batches(pool, how, samples):
            good = [(array, sample.index) for sample, array, _ in batch if array is not None]
            bad = [(sample.path, error) for sample, _, error in batch if error is not None]
            if bad and not skip_broken:
                raise PictureError(f"{bad[0][1]} (mend or remove it, or set data.broken_picture=skip)")
            skipped += [(path, str(error)) for path, error in bad]
            if good:
                logits.append(backend.logits(np.stack([array for array, _ in good])))
                targets += [index for _, index in good]
    if not logits:
        raise ListError("none of the test pictures decodes")
    scores, truth = np.concatenate(logits), np.array(targets, dtype=np.int64)
    return Evaluation(scores, truth, accuracy(scores, truth), tuple(skipped))


Prepared = tuple[Sample, NDArray[np.float32] | None, PictureError | None]


def prepared_arrays(how: Preprocessing, samples: Sequence[Sample], limit: int) -> NDArray[np.float32]:
    """TEST arrays [n,3,H,W] of up to ``limit`` samples spread over the list, leaving out those that do not decode."""
    step = max(1, len(samples) // limit)
    prepared = (_prepare(how, sample) for sample in samples[::step][:limit])
    arrays = [array for _, array, _ in prepared if array is not None]
    return np.stack(arrays) if arrays else np.zeros((0, 3, how.crop_size, how.crop_size), np.float32)


def _batches(pool: ThreadPoolExecutor, how: Preprocessing, samples: Sequence[Sample]) -> Iterator[list[Prepared]]:
    """Prepared batches in list order, two of them ahead."""
    waiting: deque[list[Future[Prepared]]] = deque()
    for start in range(0, len(samples), BATCH):
        waiting.append([pool.submit(_prepare, how, sample) for sample in samples[start : start + BATCH]])
        if len(waiting) > 2:
            yield [future.result() for future in waiting.popleft()]
    for futures in waiting:
        yield [future.result() for future in futures]


def _prepare(how: Preprocessing, sample: Sample) -> Prepared:
    try:
        return sample, prepare(decode(sample.path, short_side=how.decode_side, limits=OWN_PICTURES).image, how), None
    except PictureError as error:
        return sample, None, error


def table(result: Accuracy, labels: Sequence[Label]) -> str:
    """Exact counts as text: top-1, top-5, and each class with its n and interval, worst first."""
    width = max((len(label.label) for label in labels), default=5)
    rows = sorted(zip(labels, result.per_class, strict=True), key=lambda row: (row[1].value, row[0].label))
    lines = [
        f"top-1 {result.top1}",
        f"top-5 {result.top5}",
        "",
        f"{'class':{width}}   right     n  top-1   95 % interval",
    ]
    for label, share in rows:
        if not share.n:
            lines.append(f"{label.label:{width}}  {'-':>6} {0:5d}")
            continue
        low, high = share.interval
        value = f"{100 * share.value:5.1f}"
        lines.append(
            f"{label.label:{width}}  {share.correct:6d} {share.n:5d}  {value}   {100 * low:5.1f} - {100 * high:5.1f}"
        )
    return "\n".join(lines)
