"""The learning rate as a function of the iteration: Caffe's seven policies, our cosine, our warm-up.

Formulas: Caffe ``sgd_solver.cpp``, ``GetLearningRate``. Stateless, so a resumed run needs nothing but the iteration.
"""

import math
from bisect import bisect_right

from galao.config.solver import SolverConfig


def learning_rate(solver: SolverConfig, i: int, max_iter: int) -> float:
    """Rate of update ``i`` (from 0) in a run of ``max_iter`` updates; infinite where the formula overflows."""
    try:
        rate = _policy(solver, i, max_iter)
    except OverflowError:
        return math.inf
    if i < solver.warmup_iter:
        rate *= (i + 1) / (solver.warmup_iter + 1)
    return rate


def _policy(solver: SolverConfig, i: int, max_iter: int) -> float:
    base, gamma = solver.base_lr, solver.gamma or 0.0
    power, stepsize = solver.power or 0.0, solver.stepsize or 1
    match solver.lr_policy:
        case "fixed":
            return base
        case "step":
            return float(base * gamma ** (i // stepsize))
        case "exp":
            return float(base * gamma**i)
        case "inv":
            return float(base * (1 + gamma * i) ** -power)
        case "multistep":
            return float(base * gamma ** bisect_right(solver.stepvalue or (), i))
        case "poly":
            return float(base * (1 - i / max_iter) ** power)
        case "sigmoid":
            return base / (1 + math.exp(min(-gamma * (i - stepsize), 700.0)))
        case "cosine":
            return base * (1 + math.cos(math.pi * i / max_iter)) / 2
