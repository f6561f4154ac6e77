"""A running average of weights and batch-norm statistics, tested and shipped in place of the last ones."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of every floating tensor of a net, in float32.

    The decay rises as (1 + i) / (10 + i) up to ``decay``, so that the start is forgotten (as in TensorFlow's
    ExponentialMovingAverage with num_updates).
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay = decay
        self._live = {name: tensor for name, tensor in net.state_dict().items() if tensor.is_floating_point()}
        self._kept = {name: tensor.detach().clone() for name, tensor in self._live.items()}

    @torch.no_grad()
    def follow(self, i: int) -> None:
        """Move towards the net's weights after update ``i``."""
        decay = min(self.decay, (1 + i) / (10 + i))
        torch._foreach_lerp_(list(self._kept.values()), list(self._live.values()), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the average into the net, and take it out again."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the net's tensors with the average."""
        for name, live in self._live.items():
            held = live.clone()
            live.copy_(self._kept[name])
            self._kept[name].copy_(held)

    def state(self) -> dict[str, Tensor]:
        """The average by name."""
        return dict(self._kept)

    @torch.no_grad()
    def load_state(self, state: dict[str, Tensor]) -> None:
        """Put an average back."""
        for name, kept in self._kept.items():
            kept.copy_(state[name])
