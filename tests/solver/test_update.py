"""Golden vectors: w0 = 1, gradients .5 .5 -.25, decay .01, momentum .9 unless said otherwise."""

import pytest
import torch

from galao.config.solver import SolverConfig
from galao.solver.update import Blob, Updater

GRADIENTS = (0.5, 0.5, -0.25)


def weights_after(rates=(0.1, 0.1, 0.1), lr_mult=1.0, decay_mult=1.0, gradients=GRADIENTS, **fields):
    solver = SolverConfig.model_validate(
        {"base_lr": 0.1, "lr_policy": "fixed", "max_iter": 3, "weight_decay": 0.01, "momentum": 0.9} | fields
    )
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    updater = Updater(solver, [Blob("w", weight, lr_mult, decay_mult)])
    seen = []
    for i, (rate, gradient) in enumerate(zip(rates, gradients, strict=True)):
        weight.grad = torch.full_like(weight, gradient)
        updater.update(i, rate)
        seen.append(weight.item())
    return seen


CASES = {
    "SGD at a constant rate": ({}, (0.949, 0.852151, 0.789134749)),
    "SGD when the rate drops": ({"rates": (0.1, 0.01, 0.01)}, (0.949, 0.8980051, 0.854519889)),
    "SGD with L1": ({"regularization_type": "L1"}, (0.949, 0.8521, 0.78889)),
    "SGD with multipliers": ({"lr_mult": 2.0, "decay_mult": 0.0}, (0.9, 0.71, 0.589)),
    "Nesterov": ({"type": "Nesterov"}, (0.9031, 0.76507411, 0.732709958)),
    "AdaGrad": ({"type": "AdaGrad", "momentum": 0.0}, (0.900000002, 0.829358751, 0.861162144)),
    "RMSProp": ({"type": "RMSProp", "momentum": 0.0}, (1.96078e-7, -0.701862805, -0.36097932)),
    "AdaDelta": (
        {"type": "AdaDelta", "momentum": 0.95, "delta": 1e-6, "rates": (1.0, 1.0, 1.0)},
        (0.995528036, 0.990999298, 0.993520944),
    ),
    "Adam": ({"type": "Adam"}, (0.900000062, 0.80000527, 0.747089194)),
}


@pytest.mark.parametrize("case", CASES)
def test_updates_equal_caffes(case):
    fields, expected = CASES[case]
    assert weights_after(**fields) == pytest.approx(expected, rel=2e-6, abs=1e-9)


def test_adamw_equals_torchs():
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    peer = torch.optim.AdamW([weight], lr=0.1, weight_decay=0.01)
    expected = []
    for gradient in GRADIENTS:
        weight.grad = torch.full_like(weight, gradient)
        peer.step()
        expected.append(weight.item())
    assert weights_after(type="AdamW") == pytest.approx(expected, rel=1e-9)


def test_clipping_looks_at_the_sum_before_iter_size_divides_it():
    plain = {"weight_decay": 0.0, "momentum": 0.0, "rates": (1.0,)}
    assert weights_after(gradients=(4.0,), iter_size=4, clip_gradients=2.0, **plain) == [0.5]
    assert weights_after(gradients=(4.0,), iter_size=4, **plain) == [0.0]
    assert weights_after(gradients=(1.0,), clip_gradients=2.0, **plain) == [0.0]


def test_clipping_leaves_a_zero_gradient_alone():
    assert weights_after(gradients=(0.0,), clip_gradients=1.0, weight_decay=0.0, rates=(1.0,)) == [1.0]


def test_an_lr_mult_of_zero_leaves_the_blob_where_it_is():
    assert weights_after(lr_mult=0.0) == [1.0, 1.0, 1.0]


def test_histories_come_back_by_name():
    solver = SolverConfig.model_validate(
        {"base_lr": 0.1, "lr_policy": "fixed", "max_iter": 3, "type": "Adam", "momentum": 0.9}
    )
    first, second = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    a, b = Updater(solver, [Blob("w", first, 1, 1)]), Updater(solver, [Blob("w", second, 1, 1)])
    first.grad = torch.tensor([1.0, -2.0])
    a.update(0, 0.1)
    second.data.copy_(first.data)
    b.load_state({name: tensor.clone() for name, tensor in a.state().items()})
    first.grad = second.grad = torch.tensor([0.5, 0.5])
    a.update(1, 0.1)
    second.grad = torch.tensor([0.5, 0.5])
    b.update(1, 0.1)
    assert torch.equal(first, second)
