"""Lists to batches: decoded in threads a few batches ahead, in an order that iteration and seed alone decide.

As in Caffe, the train stream runs on across the end of an epoch, so every batch is full; unlike in Caffe, a resumed
run sees exactly the pictures that the unbroken one would have seen.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from galao.config.data import TrainPhase
from galao.data.augment import augment, generator, philox_key
from galao.errors import ListError, PictureError
from galao.pictures.decode import OWN_PICTURES, decode
from galao.pictures.prepare import Preprocessing, square
from galao.records import Sample

AHEAD = 3  # batches decoded before they are asked for


@dataclass(frozen=True)
class Batch:
    """``images`` [N,3,H,W] uint8, RGB; ``targets`` [N] int64."""

    images: Tensor
    targets: Tensor


class Skipped:
    """Pictures that did not decode: an error on the first, or a list of them, as ``data.broken_picture`` says."""

    def __init__(self, tolerate: bool, tell: Callable[[str], None]) -> None:
        self.tolerate = tolerate
        self.tell = tell
        self.reasons: dict[Path, str] = {}

    def add(self, path: Path, error: PictureError) -> None:
        """Note a broken picture, once.

        Raises:
            PictureError: the job does not tolerate broken pictures.
        """
        if not self.tolerate:
            raise PictureError(f"{error} (mend or remove it, or set data.broken_picture=skip)") from None
        if path not in self.reasons:
            self.reasons[path] = str(error)
            self.tell(f"Skipping picture: {error}")


class Loader:
    """Decodes pictures in threads. Close it, or use it in a ``with`` statement."""

    def __init__(self, how: Preprocessing, skipped: Skipped, workers: int) -> None:
        self.how = how
        self.skipped = skipped
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")

    def __enter__(self) -> "Loader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads; pictures under way are finished, the others dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def train_batches(self, samples: Sequence[Sample], phase: TrainPhase, seed: int, start: int) -> Iterator[Batch]:
        """Endless batches from batch number ``start`` on."""
        order = EpochOrder(len(samples), seed if phase.shuffle else None)

        def one(place: int) -> tuple[np.ndarray, int]:
            return self._train_picture(samples, order, phase, seed, place)

        places = (range(b * phase.batch_size, (b + 1) * phase.batch_size) for b in _count_from(start))
        return self._decoded_ahead(places, one)

    def test_batches(self, samples: Sequence[Sample], batch_size: int) -> Iterator[Batch]:
        """Every sample exactly once, in list order; pictures that are skipped are left out."""

        def one(place: int) -> tuple[np.ndarray, int] | None:
            return self._test_picture(samples[place])

        n = len(samples)
        return self._decoded_ahead((range(k, min(k + batch_size, n)) for k in range(0, n, batch_size)), one)

    def _decoded_ahead(
        self, batches: Iterator[range], one: Callable[[int], tuple[np.ndarray, int] | None]
    ) -> Iterator[Batch]:
        waiting: deque[list[Future[tuple[np.ndarray, int] | None]]] = deque()
        try:
            for places in batches:
                waiting.append([self._pool.submit(one, place) for place in places])
                if len(waiting) > AHEAD:
                    yield from _collate(waiting.popleft())
            while waiting:
                yield from _collate(waiting.popleft())
        finally:
            for futures in waiting:
                for future in futures:
                    future.cancel()

    def _train_picture(
        self, samples: Sequence[Sample], order: "EpochOrder", phase: TrainPhase, seed: int, place: int
    ) -> tuple[np.ndarray, int]:
        """The picture at a place of the endless stream; a broken one gives way to the next that is not."""
        for step in range(len(samples)):
            epoch, position = divmod(place + step, len(samples))
            sample = samples[order.at(epoch, position)]
            if sample.path in self.skipped.reasons:
                continue
            try:
                picture = decode(sample.path, short_side=self.how.decode_side, limits=OWN_PICTURES)
            except PictureError as error:
                self.skipped.add(sample.path, error)
                continue
            chance = generator(seed, epoch, position)
            return augment(picture.image, self.how, phase.transform_param, chance), sample.index
        raise ListError("none of the training pictures decodes; see skipped.tsv in the run")

    def _test_picture(self, sample: Sample) -> tuple[np.ndarray, int] | None:
        try:
            picture = decode(sample.path, short_side=self.how.decode_side, limits=OWN_PICTURES)
        except PictureError as error:
            self.skipped.add(sample.path, error)
            return None
        pixels = np.asarray(square(picture.image, self.how))
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)), sample.index


class EpochOrder:
    """Which sample stands where in an epoch: a seeded permutation per epoch, or list order for seed None."""

    def __init__(self, n: int, seed: int | None) -> None:
        self.n = n
        self.seed = seed
        self._kept: dict[int, np.ndarray] = {}

    def at(self, epoch: int, position: int) -> int:
        """Index of the sample at ``position`` of ``epoch``."""
        if self.seed is None:
            return position
        order = self._kept.get(epoch)
        if order is None:
            order = np.random.Generator(np.random.Philox(key=philox_key(self.seed, epoch))).permutation(self.n)
            self._kept = {k: v for k, v in self._kept.items() if k >= epoch - 1} | {epoch: order}
        return int(order[position])


def normalise(images: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """(pixel - mean) * scale per channel: [N,3,H,W] uint8 to float32, the same arithmetic as ``prepare``."""
    return (images.float() - mean) * scale


def _collate(futures: list[Future[tuple[np.ndarray, int] | None]]) -> Iterator[Batch]:
    pairs = [pair for pair in (future.result() for future in futures) if pair is not None]
    if pairs:
        images = torch.from_numpy(np.stack([image for image, _ in pairs]))
        yield Batch(images, torch.tensor([index for _, index in pairs], dtype=torch.int64))


def _count_from(start: int) -> Iterator[int]:
    while True:
        yield start
        start += 1
