"""From gradients to new weights: Caffe's six rules to the letter, and AdamW.

In Caffe the rate sits *inside* the velocity (``sgd_solver.cpp``: V = momentum V + rate g; W = W - V), so when the rate
drops, steps already under way do not shrink, as they would with ``torch.optim.SGD``. Order of one update:
clip the summed gradient, divide by iter_size, add the decay, apply the rule, subtract.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from galao.config.solver import SolverConfig

HISTORIES = {"SGD": 1, "Nesterov": 1, "AdaGrad": 1, "RMSProp": 1, "AdaDelta": 2, "Adam": 2, "AdamW": 2}


@dataclass(frozen=True, slots=True)
class Blob:
    """A learnable tensor with its name and multipliers."""

    name: str
    weight: Tensor
    lr_mult: float
    decay_mult: float


class Updater:
    """Applies one rule to all blobs and keeps their histories (Caffe: ``history_``)."""

    def __init__(self, solver: SolverConfig, blobs: Sequence[Blob]) -> None:
        self.solver = solver
        self.blobs = list(blobs)
        self.weights = [blob.weight for blob in self.blobs]
        self.lr_mults = [blob.lr_mult for blob in self.blobs]
        self.decays = [solver.weight_decay * blob.decay_mult for blob in self.blobs]
        self.history: list[list[Tensor]] = [
            [torch.zeros_like(weight) for weight in self.weights] for _ in range(HISTORIES[solver.type])
        ]

    def state(self) -> dict[str, Tensor]:
        """Histories by ``<k>.<blob name>``."""
        return {f"{k}.{b.name}": h for k, row in enumerate(self.history) for b, h in zip(self.blobs, row, strict=True)}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Put histories back; KeyError or a shape mismatch means the state is another net's."""
        for name, history in self.state().items():
            history.copy_(state[name])

    @torch.no_grad()
    def update(self, i: int, rate: float) -> None:
        """Update number ``i`` (from 0) with ``rate``; uses up the gradients."""
        gradients = [w.grad if w.grad is not None else torch.zeros_like(w) for w in self.weights]
        self._clip(gradients)
        if self.solver.iter_size > 1:
            torch._foreach_div_(gradients, float(self.solver.iter_size))
        if self.solver.type != "AdamW":
            self._regularise(gradients)
        rates = [rate * mult for mult in self.lr_mults]
        _RULES[self.solver.type](self, gradients, rates, i)

    def _clip(self, gradients: list[Tensor]) -> None:
        """Scale to at most clip_gradients, by the norm over all blobs of the *summed* gradient."""
        threshold = self.solver.clip_gradients
        if threshold < 0:
            return
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, torch.clamp(threshold / norm, max=1.0))

    def _regularise(self, gradients: list[Tensor]) -> None:
        if self.solver.weight_decay == 0:
            return
        pulls = self.weights if self.solver.regularization_type == "L2" else torch._foreach_sign(self.weights)
        torch._foreach_add_(gradients, torch._foreach_mul(pulls, self.decays))


def _sgd(u: Updater, g: list[Tensor], rates: list[float], i: int) -> None:
    (velocity,) = u.history
    torch._foreach_mul_(velocity, u.solver.momentum)
    torch._foreach_add_(velocity, torch._foreach_mul(g, rates))
    torch._foreach_sub_(u.weights, velocity)


def _nesterov(u: Updater, g: list[Tensor], rates: list[float], i: int) -> None:
    (velocity,) = u.history
    momentum = u.solver.momentum
    before = torch._foreach_mul(velocity, momentum)
    torch._foreach_mul_(velocity, momentum)
    torch._foreach_add_(velocity, torch._foreach_mul(g, rates))
    torch._foreach_sub_(u.weights, torch._foreach_sub(torch._foreach_mul(velocity, 1 + momentum), before))


def _adagrad(u: Updater, g: list[Tensor], rates: list[float], i: int) -> None:
    (squares,) = u.history
    torch._foreach_addcmul_(squares, g, g)
    _scaled_step(u, g, squares, rates)


def _rmsprop(u: Updater, g: list[Tensor], rates: list[float], i: int) -> None:
    (squares,) = u.history
    torch._foreach_mul_(squares, u.solver.rms_decay)
    torch._foreach_addcmul_(squares, g, g, value=1 - u.solver.rms_decay)
    _scaled_step(u, g, squares, rates)


def _scaled_step(u: Updater, g: list[Tensor], squares: list[Tensor], rates: list[float]) -> None:
    root = torch._foreach_sqrt(squares)
    torch._foreach_add_(root, u.solver.delta)
    torch._foreach_sub_(u.weights, torch._foreach_mul(torch._foreach_div(g, root), rates))


def _adadelta(u: Updater, g: list[Tensor], rates: list[float], i: int) -> None:
    squares, steps = u.history
    momentum, delta = u.solver.momentum, u.solver.delta
    torch._foreach_mul_(squares, momentum)
    torch._foreach_addcmul_(squares, g, g, value=1 - momentum)
    ratio = torch._foreach_div(torch._foreach_add(steps, delta), torch._foreach_add(squares, delta))
    torch._foreach_sqrt_(ratio)
    torch._foreach_mul_(ratio, g)
    torch._foreach_mul_(steps, momentum)
    torch._foreach_addcmul_(steps, ratio, ratio, value=1 - momentum)
    torch._foreach_sub_(u.weights, torch._foreach_mul(ratio, rates))


def _adam(u: Updater, g: list[Tensor], rates: list[float], i: int) -> None:
    """Caffe's Adam: delta stands before the bias correction, unlike ``torch.optim.Adam``."""
    m, v = _moments(u, g)
    correction = math.sqrt(1 - u.solver.momentum2 ** (i + 1)) / (1 - u.solver.momentum ** (i + 1))
    root = torch._foreach_sqrt(v)
    torch._foreach_add_(root, u.solver.delta)
    step = torch._foreach_mul(torch._foreach_div(m, root), [rate * correction for rate in rates])
    torch._foreach_sub_(u.weights, step)


def _adamw(u: Updater, g: list[Tensor], rates: list[float], i: int) -> None:
    """Decay taken from the weight itself, not from the gradient (Loshchilov and Hutter, arXiv 1711.05101)."""
    torch._foreach_mul_(u.weights, [1 - rate * decay for rate, decay in zip(rates, u.decays, strict=True)])
    m, v = _moments(u, g)
    root = torch._foreach_sqrt(v)
    torch._foreach_div_(root, math.sqrt(1 - u.solver.momentum2 ** (i + 1)))
    torch._foreach_add_(root, u.solver.delta)
    first = 1 - u.solver.momentum ** (i + 1)
    torch._foreach_sub_(u.weights, torch._foreach_mul(torch._foreach_div(m, root), [rate / first for rate in rates]))


def _moments(u: Updater, g: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    m, v = u.history
    torch._foreach_mul_(m, u.solver.momentum)
    torch._foreach_add_(m, g, alpha=1 - u.solver.momentum)
    torch._foreach_mul_(v, u.solver.momentum2)
    torch._foreach_addcmul_(v, g, g, value=1 - u.solver.momentum2)
    return m, v


_RULES = {
    "SGD": _sgd,
    "Nesterov": _nesterov,
    "AdaGrad": _adagrad,
    "RMSProp": _rmsprop,
    "AdaDelta": _adadelta,
    "Adam": _adam,
    "AdamW": _adamw,
}
