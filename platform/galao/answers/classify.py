"""Logits to probabilities, probabilities to the k best answers."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from galao.errors import GalaoError
from galao.records import Prediction


class Named(Protocol):
    """What an answer needs to know of a class; ``galao.lists.listfile.Label`` is one."""

    @property
    def label(self) -> str:
        """The class's identifier."""
        ...

    @property
    def name(self) -> str:
        """What a person reads."""
        ...


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Turn ``logits [N,C]`` into probabilities ``[N,C] float32``; every row sums to 1.

    The largest logit is subtracted first, as Caffe's ``softmax_layer.cpp`` does, so nothing overflows.

    Raises:
        GalaoError: a logit is not finite: such a net has no answer, and NaN would sort as one.
    """
    if not np.isfinite(logits).all():
        raise GalaoError(
            "the net's outputs are not finite; its weights or its preprocessing are damaged: train it again"
        )
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted.astype(np.float32)


def top_k(probabilities: NDArray[np.floating], labels: Sequence[Named], k: int) -> list[Prediction]:
    """Return the ``k`` best of ``probabilities [C]``, best first; of two equal ones the lower index first.

    With fewer than ``k`` classes the answer holds them all.
    """
    order = np.argsort(-probabilities, kind="stable")[:k]
    return [
        Prediction(labels[index].label, labels[index].name, index, float(probabilities[index]))
        for index in order.tolist()
    ]
