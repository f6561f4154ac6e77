"""A trained net as ``model.onnx``, and the proof that both give the same answers. Import this only where torch is."""

import copy
import logging
import os
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from galao.answers.classify import softmax
from galao.deploy.backends import OnnxBackend
from galao.errors import BundleError

if TYPE_CHECKING:
    import torch

MAX_DIFFERENCE = 1e-3
TIE = 1e-5
BATCH = 16
MAX_BYTES = 2_000_000_000
OPSET = 20


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the exported net is from the trained one, over ``n`` pictures.

    ``top1_equal`` counts the pictures with the same first answer; ``max_difference`` is the largest
    difference of any probability.
    """

    n: int
    top1_equal: int
    max_difference: float

    def __str__(self) -> str:
        return (
            f"it gives the net's own first answer on {self.top1_equal} of {self.n} pictures, "
            f"probabilities differ by {self.max_difference:.1e} at most"
        )


def export_onnx(net: "torch.nn.Module", crop_size: int, path: Path) -> None:
    """Write ``net`` to ``path``: input ``images [N,3,crop,crop] float32``, output ``logits [N,C]``, any N.

    One file with its weights inside, written beside ``path`` and renamed, so that it is whole or absent.
    The net itself is not touched: a copy of it in eval mode on the CPU is exported.

    Raises:
        BundleError: ONNX cannot express the net, the net is over 2 GB, or the disk refuses.
    """
    size = sum(tensor.nbytes for tensor in net.state_dict().values())
    if size > MAX_BYTES:
        raise BundleError(
            f"the net has {size / 1e9:.1f} GB of weights, but one ONNX file holds 2 GB; use a smaller net"
        )
    model = _to_onnx(_still_copy(net), crop_size)
    staged = path.with_name(f".{path.name}.new-{secrets.token_hex(4)}")
    try:
        _save(model, staged)
        staged.replace(path)
    except OSError as error:
        raise BundleError(f"cannot write {path}: {error.strerror}; free some space or choose another place") from None
    finally:
        staged.unlink(missing_ok=True)


def check_parity(net: "torch.nn.Module", path: Path, arrays: NDArray[np.float32]) -> Parity:
    """Compare the answers of ``net`` (in eval mode, float32, on the CPU) and of ``path`` for ``arrays [N,3,H,W]``.

    Two first answers are equal also where the net itself cannot part them: probabilities within 1e-5.

    Raises:
        BundleError: a first answer is another one, or a probability differs by more than 1e-3.
    """
    expected = softmax(_torch_logits(net, arrays))
    backend = OnnxBackend(path)
    found = softmax(np.concatenate([backend.logits(part) for part in _parts(arrays)]))
    parity = _compare(expected, found)
    if parity.top1_equal < parity.n or parity.max_difference > MAX_DIFFERENCE:
        raise BundleError(
            f"{path} disagrees with the net: {parity.top1_equal} of {parity.n} first answers are equal, "
            f"probabilities differ by up to {parity.max_difference:.2g} (allowed: {MAX_DIFFERENCE:g}); not bundled"
        )
    return parity


def _compare(expected: NDArray[np.float32], found: NDArray[np.float32]) -> Parity:
    rows = np.arange(len(expected))
    equal = expected[rows, found.argmax(axis=1)] >= expected.max(axis=1) - TIE
    return Parity(len(expected), int(equal.sum()), float(np.abs(expected - found).max(initial=0.0)))


def _still_copy(net: "torch.nn.Module") -> "torch.nn.Module":
    """Return a copy in eval mode on the CPU, float32 and contiguous, whatever the net trained in."""
    import torch  # noqa: PLC0415

    still: torch.nn.Module = copy.deepcopy(net).eval().requires_grad_(False)
    return still.to(device="cpu", dtype=torch.float32, memory_format=torch.contiguous_format)  # type: ignore[call-overload, no-any-return]


def _to_onnx(net: "torch.nn.Module", crop_size: int) -> Any:
    import torch  # noqa: PLC0415
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass  # noqa: PLC0415

    with _quiet():
        try:
            program = torch.onnx.export(
                net,
                (torch.zeros(2, 3, crop_size, crop_size),),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=["images"],
                output_names=["logits"],
                opset_version=OPSET,
                verbose=False,
            )
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise BundleError(
                f"torch cannot write {type(net).__name__} as ONNX: {reason}; choose another net"
            ) from error
    assert program is not None
    ClearMetadataAndDocStringPass()(program.model)  # stack traces with this machine's paths
    return program.model


def _save(model: Any, path: Path) -> None:
    import onnx_ir  # noqa: PLC0415

    onnx_ir.save(model, path)
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's warnings about its own insides; a failure still raises."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _torch_logits(net: "torch.nn.Module", arrays: NDArray[np.float32]) -> NDArray[np.float32]:
    import torch  # noqa: PLC0415

    still = _still_copy(net)
    with torch.inference_mode():
        return np.concatenate([still(torch.from_numpy(part)).numpy() for part in _parts(arrays)])


def _parts(arrays: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    if not len(arrays):
        raise ValueError("a parity check needs at least one picture")
    for start in range(0, len(arrays), BATCH):
        yield np.ascontiguousarray(arrays[start : start + BATCH], dtype=np.float32)
