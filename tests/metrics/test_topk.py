"""Counts as Caffe's accuracy layer counts, without its trap; intervals as Wilson's paper has them."""

import math

import numpy as np
import pytest

from galao.errors import GalaoError
from galao.metrics.topk import Share, accuracy, correct_in_top_k, wilson_interval


def test_fewer_than_k_rivals_make_an_answer_right():
    scores = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    assert correct_in_top_k(scores, np.array([1, 1]), 1).tolist() == [False, False]
    assert correct_in_top_k(scores, np.array([1, 0]), 2).tolist() == [True, False]


def test_ties_count_against_the_answer():
    assert correct_in_top_k(np.array([[1.0, 1.0, 0.0]]), np.array([0]), 1).tolist() == [False]
    assert correct_in_top_k(np.zeros((1, 6)), np.array([0]), 5).tolist() == [False]


def test_a_diverged_net_is_not_100_percent_right():
    with pytest.raises(GalaoError, match="NaN"):
        accuracy(np.full((4, 3), np.nan), np.zeros(4, dtype=np.int64))


def test_accuracy_counts_every_class():
    result = accuracy(np.eye(3)[[0, 0, 1, 2]], np.array([0, 1, 1, 2]))
    assert (result.top1.correct, result.top1.n) == (3, 4)
    assert [(s.correct, s.n) for s in result.per_class] == [(1, 1), (1, 2), (1, 1)]


def test_top_5_of_three_classes_is_always_right():
    assert accuracy(np.eye(3), np.array([1, 2, 0])).top5.correct == 3


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_equal_newcombes_table(correct, n, low, high):
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    assert wilson_interval(correct, n) == pytest.approx((low, high), abs=5e-5)


def test_all_right_reaches_one_and_nothing_known_says_nothing():
    assert wilson_interval(20, 20)[1] == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert math.isnan(Share(0, 0).value)
    assert str(Share(97, 100)) == "97.0 % (97 of 100, 95 % interval 91.5-99.0)"
