"""Golden rates of Caffe's seven policies, at double precision."""

import pytest

from galao.config.solver import SolverConfig
from galao.solver.lr_policy import learning_rate

AT = (0, 1, 99, 100, 101, 250, 299, 300, 399)
GOLDEN = {
    "step": (
        {"gamma": 0.1, "stepsize": 100},
        (0.01, 0.01, 0.01, 0.001, 0.001, 1e-4, 1e-4, 1e-5, 1e-5),
    ),
    "exp": (
        {"gamma": 0.99},
        (0.01, 0.0099, 0.0036973, 0.00366032, 0.00362372, 8.10585e-4, 4.95363e-4, 4.90409e-4, 1.81319e-4),
    ),
    "inv": (
        {"gamma": 1e-4, "power": 0.75},
        (0.01, 0.00999925, 0.00992639, 0.00992565, 0.00992491, 0.00981651, 0.00978146, 0.00978075, 0.00971083),
    ),
    "multistep": (
        {"gamma": 0.1, "stepvalue": (100, 300)},
        (0.01, 0.01, 0.01, 0.001, 0.001, 0.001, 0.001, 1e-4, 1e-4),
    ),
    "poly": (
        {"power": 0.5},
        (0.01, 0.00998749, 0.00867468, 0.00866025, 0.00864581, 0.00612372, 0.00502494, 0.005, 5e-4),
    ),
    "sigmoid": (
        {"gamma": 0.05, "stepsize": 100},
        (6.69285e-5, 7.03359e-5, 0.00487503, 0.005, 0.00512497, 0.00999447, 0.00999952, 0.00999955, 0.01),
    ),
    "fixed": ({}, (0.01,) * 9),
}


def solver(policy, **fields):
    return SolverConfig.model_validate({"base_lr": 0.01, "lr_policy": policy, "max_iter": 400, **fields})


@pytest.mark.parametrize("policy", GOLDEN)
def test_rates_equal_caffes(policy):
    fields, expected = GOLDEN[policy]
    job = solver(policy, **fields)
    assert [learning_rate(job, i, 400) for i in AT] == pytest.approx(expected, rel=1e-5)


def test_cosine_starts_at_base_lr_and_ends_at_zero():
    job = solver("cosine")
    assert learning_rate(job, 0, 400) == pytest.approx(0.01)
    assert learning_rate(job, 200, 400) == pytest.approx(0.005)
    assert learning_rate(job, 399, 400) < 1e-6


def test_warm_up_rises_linearly_and_then_leaves_the_policy_alone():
    job = solver("fixed", warmup_iter=4)
    assert [learning_rate(job, i, 400) for i in range(6)] == pytest.approx([0.002, 0.004, 0.006, 0.008, 0.01, 0.01])


@pytest.mark.parametrize("fields", [("exp", {"gamma": 2.0}), ("inv", {"gamma": 1.0, "power": -200.0})])
def test_a_rate_that_overflows_is_infinite(fields):
    assert learning_rate(solver(fields[0], **fields[1]), 10_000, 20_000) == float("inf")


def test_a_far_sigmoid_does_not_overflow():
    assert learning_rate(solver("sigmoid", gamma=1e6, stepsize=100), 0, 400) == pytest.approx(0, abs=1e-12)
