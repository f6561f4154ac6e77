"""Pictures to one answer: decode, TEST transform, net, average; in threads, a bounded number at a time."""

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from galao.answers.classify import top_k
from galao.deploy.predictor import Predictor, open_source
from galao.pictures.decode import Limits
from galao.pictures.headers.sniff import read_header
from galao.records import Prediction
from galao_api.door import Door
from galao_api.problems import Problem, of_picture
from galao_api.settings import Settings
from galao_api.uploads import Upload

HEAVY_PIXELS = 3_000_000
"""Of a picture that its codec must hold whole; one above this is decoded at a time, so that memory stays bounded."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one picture: its size and kind, or its problem."""

    sha256: str
    width: int = 0
    height: int = 0
    format: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to one request, its pictures in the order in which they came, its times in milliseconds."""

    predictions: list[Prediction]
    pictures: list[Seen]
    timing_ms: dict[str, float] = field(default_factory=dict)


class Desk:
    """Answers requests; ``settings.workers`` of them at a time, ``settings.waiting_room`` more may wait."""

    def __init__(self, settings: Settings) -> None:
        self.door = Door(settings.workers, settings.waiting_room)
        self._limits = Limits(max_bytes=int(settings.max_picture_bytes))
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="galao")
        self._heavy = threading.Lock()

    async def answer(self, predictor: Predictor, uploads: Sequence[Upload], k: int) -> Answered:
        """Answer pictures of one specimen: the average of the probabilities of those that can be used.

        Raises:
            Problem: none of them can be used (the first one's problem), or the service is busy.
        """
        came = time.perf_counter()
        async with self.door.enter():
            entered = time.perf_counter()
            pictures, arrays = await self._in_thread(lambda: self._decode(predictor, uploads))
            decoded = time.perf_counter()
            if not arrays:
                raise next(seen.problem for seen in pictures if seen.problem is not None)
            predictions = await self._in_thread(lambda: _infer(predictor, arrays, k))
        times = {"decode": decoded - entered, "queue": entered - came, "infer": time.perf_counter() - decoded}
        return Answered(predictions, pictures, {name: round(s * 1000, 2) for name, s in times.items()})

    def close(self) -> None:
        """Let the threads go; nothing is in flight any more."""
        self._pool.shutdown(wait=True)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _decode(self, predictor: Predictor, uploads: Sequence[Upload]) -> tuple[list[Seen], list[NDArray[np.float32]]]:
        pairs = [self._decode_one(predictor, upload) for upload in uploads]
        return [seen for seen, _ in pairs], [array for _, array in pairs if array is not None]

    def _decode_one(self, predictor: Predictor, upload: Upload) -> tuple[Seen, NDArray[np.float32] | None]:
        if upload.problem is not None:
            return Seen("", problem=upload.problem), None
        sha256 = hashlib.sha256(upload.data).hexdigest()
        with self._heavy if _is_heavy(upload.data) else nullcontext():
            answer, array = open_source(upload.data, predictor.bundle.preprocessing, self._limits)
        if answer.error is not None:
            return Seen(sha256, problem=of_picture(answer.error)), None
        return Seen(sha256, answer.width, answer.height, answer.format), array


def _is_heavy(data: bytes) -> bool:
    try:
        header = read_header(data)
    except Exception:  # whatever is wrong with it, the decoder says so in its own words
        return False
    held_whole = header.slow or header.format != "jpeg"
    return held_whole and header.width * header.height > HEAVY_PIXELS


def _infer(predictor: Predictor, arrays: Sequence[NDArray[np.float32]], k: int) -> list[Prediction]:
    probabilities = predictor.probabilities(np.stack(arrays)).mean(axis=0)
    return top_k(probabilities, predictor.bundle.labels, k)
