import numpy as np
import pytest

from galao.answers.classify import softmax, top_k
from galao.errors import GalaoError
from galao.lists.listfile import Label

LABELS = [Label(f"l{index}", f"Name {index}") for index in range(4)]


def test_softmax_rows_sum_to_one_and_keep_their_order():
    probabilities = softmax(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], np.float32))
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(probabilities[0], [0.09003057, 0.24472847, 0.66524096], rtol=1e-6)
    np.testing.assert_allclose(probabilities[1], 1 / 3, rtol=1e-6)


def test_softmax_survives_huge_logits():
    np.testing.assert_array_equal(softmax(np.array([[1e30, 0.0, -1e30]], np.float32)), [[1.0, 0.0, 0.0]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_softmax_refuses_logits_that_are_not_finite(value: float):
    with pytest.raises(GalaoError, match="not finite"):
        softmax(np.array([[0.0, value]], np.float32))


def test_softmax_leaves_its_input_alone():
    logits = np.array([[1.0, 2.0]])
    softmax(logits)
    np.testing.assert_array_equal(logits, [[1.0, 2.0]])


def test_top_k_is_best_first_with_label_name_and_index():
    first, second = top_k(np.array([0.1, 0.2, 0.65, 0.05], np.float32), LABELS, 2)
    assert (first.label, first.name, first.index) == ("l2", "Name 2", 2)
    assert first.confidence == pytest.approx(0.65)
    assert second.index == 1


def test_of_two_equal_answers_the_lower_index_comes_first():
    assert [one.index for one in top_k(np.array([0.2, 0.3, 0.3, 0.2]), LABELS, 4)] == [1, 2, 0, 3]


def test_top_k_with_few_classes_answers_them_all():
    assert len(top_k(np.full(4, 0.25), LABELS, 50)) == 4
