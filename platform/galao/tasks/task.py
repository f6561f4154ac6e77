"""What the solver asks of a task; one class per task, found by name in ``registry.py``."""

from typing import Protocol

from torch import Tensor


class Task(Protocol):
    """Training's side of a task."""

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch, a scalar."""
        ...
