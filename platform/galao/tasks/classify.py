"""Classify: one of C labels per picture; softmax cross-entropy, as Caffe's SoftmaxWithLoss with VALID normalisation."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Classify:
    """``label_smoothing`` spreads that share of each target over all classes (Szegedy et al., arXiv 1512.00567)."""

    label_smoothing: float = 0.0

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of logits [N,C] against targets [N] int64; a scalar in nats."""
        return functional.cross_entropy(logits.float(), targets, label_smoothing=self.label_smoothing)
