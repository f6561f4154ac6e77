"""Pictures in, top-k out: the decoder, the TEST transform, a backend and the answers, in a row."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from galao.answers.classify import softmax, top_k
from galao.deploy.backends import Backend, OnnxBackend, TorchBackend, cuda_present
from galao.deploy.bundle import ONNX, SAFETENSORS, Bundle, load_bundle
from galao.errors import BundleError, DeviceError, PictureError
from galao.pictures.decode import Limits, decode
from galao.pictures.prepare import Preprocessing, prepare
from galao.records import Prediction

BATCH = 16
BACKENDS = ("auto", "onnx", "torch")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one picture: its predictions, best first, or the error that names what is wrong with it.

    ``width`` and ``height`` are the upright size in pixels of the file's picture, 0 when it could not be read.
    """

    source: Path | bytes
    predictions: list[Prediction]
    error: PictureError | None = None
    width: int = 0
    height: int = 0
    format: str = ""


class Predictor:
    """A bundle and a backend that runs it; safe to call from several threads."""

    def __init__(self, bundle: Bundle, backend: Backend) -> None:
        """Bind the two.

        Raises:
            BundleError: the bundle's task is not to classify.
        """
        if bundle.task != "classify":
            raise BundleError(
                f"the bundle {bundle.folder} is for the task {bundle.task!r}; this command answers classify"
            )
        self.bundle = bundle
        self.backend = backend

    @classmethod
    def load(cls, folder: Path, *, backend: str = "auto", threads: int | None = None) -> "Predictor":
        """Load the bundle in ``folder`` and the backend: ``onnx``, ``torch``, or ``auto``, torch only with a GPU.

        Raises:
            BundleError: the bundle is incomplete, edited or disagrees with itself.
            DeviceError: the device is not there.
        """
        bundle = load_bundle(folder)
        return cls(bundle, open_backend(bundle, backend, threads))

    def probabilities(self, arrays: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn prepared ``arrays [N,3,crop,crop] float32`` into probabilities ``[N,C] float32``, 16 at a time.

        Raises:
            PictureError: an array is not finite.
            BundleError: the net answers another number of classes than the bundle has labels.
            GalaoError: the net's outputs are not finite.
        """
        size = self.bundle.preprocessing.crop_size
        if arrays.ndim != 4 or arrays.shape[1:] != (3, size, size):
            raise ValueError(f"arrays must be [N,3,{size},{size}], not {list(arrays.shape)}")
        if not np.isfinite(arrays).all():
            raise PictureError("a prepared picture holds numbers that are not finite")
        parts = [self._probabilities(arrays[start : start + BATCH]) for start in range(0, len(arrays), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.bundle.num_output), np.float32)

    def predict(self, images: Sequence[Image.Image], top_k: int = 5) -> list[list[Prediction]]:
        """Answer upright RGB ``images`` with their ``top_k`` predictions each, best first."""
        if not images:
            return []
        arrays = np.stack([prepare(image, self.bundle.preprocessing) for image in images])
        return self.answers(self.probabilities(arrays), top_k)

    def answers(self, probabilities: NDArray[np.float32], k: int = 5) -> list[list[Prediction]]:
        """Turn ``probabilities [N,C]`` into the ``k`` best predictions of each row."""
        return [top_k(row, self.bundle.labels, k) for row in probabilities]

    def predict_sources(
        self, sources: Iterable[Path | bytes], top_k: int = 5, limits: Limits | None = None
    ) -> Iterator[Answer]:
        """Answer files (or their bytes) in order; a picture that cannot be used is answered with its error.

        At most one decoded picture and 16 prepared arrays are held at a time, however many files there are.
        """
        pending = iter(sources)
        while batch := list(islice(pending, BATCH)):
            yield from self._answer_batch(batch, top_k, limits or Limits())

    def warm_up(self) -> None:
        """Answer one grey picture, so that the first real one does not pay for the first run."""
        size = self.bundle.preprocessing.crop_size
        self.probabilities(np.zeros((1, 3, size, size), np.float32))

    def _probabilities(self, arrays: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = self.backend.logits(arrays)
        expected = (len(arrays), self.bundle.num_output)
        if logits.shape != expected:
            raise BundleError(
                f"the net of {self.bundle.folder} answers {list(logits.shape)} for {list(expected)}; export it again"
            )
        return softmax(logits)

    def _answer_batch(self, batch: Sequence[Path | bytes], k: int, limits: Limits) -> Iterator[Answer]:
        opened = [open_source(source, self.bundle.preprocessing, limits) for source in batch]
        arrays = [array for _, array in opened if array is not None]
        predictions = iter(self.answers(self.probabilities(np.stack(arrays)), k)) if arrays else iter(())
        for answer, array in opened:
            if array is None:
                yield answer
            else:
                yield Answer(answer.source, next(predictions), None, answer.width, answer.height, answer.format)


def open_backend(bundle: Bundle, backend: str = "auto", threads: int | None = None) -> Backend:
    """Load the net of ``bundle`` on the backend called ``backend``.

    ``auto`` is torch where the driver finds a GPU that torch can use, else ONNX Runtime.
    """
    if backend not in BACKENDS:
        raise BundleError(f"there is no backend called {backend!r}; use one of {', '.join(BACKENDS)}")
    if backend == "onnx":
        return OnnxBackend(bundle.file(ONNX), threads)
    if backend == "torch":
        return TorchBackend(bundle, "auto")
    if bundle.holds(SAFETENSORS) and cuda_present():
        try:
            return TorchBackend(bundle, "cuda")
        except DeviceError:  # a GPU, but torch without CUDA
            pass
    return OnnxBackend(bundle.file(ONNX), threads)


def open_source(source: Path | bytes, how: Preprocessing, limits: Limits) -> tuple[Answer, NDArray[np.float32] | None]:
    """Decode and prepare one picture: an answer still without predictions and its array ``[3,crop,crop]``."""
    try:
        decoded = decode(source, short_side=how.decode_side, limits=limits)
    except PictureError as error:
        return Answer(source, [], error), None
    array = prepare(decoded.image, how)
    return Answer(source, [], None, decoded.width, decoded.height, decoded.format), array
