"""Outlines, tips, margins and bending of blades."""

import numpy as np
import pytest

from galao.pictures.flora.genus import MARGINS, PETAL_OUTLINES, PETAL_TIPS
from galao.pictures.flora.outline import bend, half_width, leaf, margin_scale, petal, tip_reach

U = np.linspace(0, 1, 101)


@pytest.mark.parametrize("outline", [*PETAL_OUTLINES, "linear", "cordate", "hastate"])
def test_a_half_width_is_between_nothing_and_one_and_ends_in_a_tip(outline):
    wide = half_width(outline, U)
    assert wide.min() >= 0
    assert 0.7 < wide.max() <= 1.0 + 1e-9
    assert wide[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("tip", sorted(set(PETAL_TIPS)))
def test_a_tip_never_reaches_further_than_the_petal(tip):
    reach = tip_reach(tip, np.linspace(-1, 1, 15))
    assert 0.2 < reach.min() <= reach.max() <= 1.0


def test_a_cleft_tip_is_deepest_in_the_middle():
    reach = tip_reach("cleft", np.array([-0.6, 0.0, 0.6]))
    assert reach[1] < 0.6 * reach[0]
    assert reach[0] == pytest.approx(reach[2])


def test_bending_keeps_the_length():
    line = np.stack([np.zeros(200), np.linspace(0, 1, 200), np.zeros(200)], axis=-1)
    bent = bend(line, 1.2)
    assert np.linalg.norm(np.diff(bent, axis=0), axis=1).sum() == pytest.approx(1.0, abs=1e-4)
    assert bent[-1, 2] > 0.3


@pytest.mark.parametrize("margin", [*sorted(set(MARGINS)), "lobed"])
def test_a_margin_changes_the_edge_but_not_the_middle(margin):
    blade = leaf("ovate", 0.3, 24, 4, margin=margin, teeth=8, fold=0.0, arch=0.0)
    assert np.allclose(blade[:, 2, 0], 0.0)
    edge = margin_scale(margin, 8, U)
    assert (np.ptp(edge) > 0.1) == (margin not in {"entire", "wavy"})


def test_a_petal_is_a_grid_of_finite_points():
    points = petal("round", "notched", 0.4, 6, 8, cup=0.5, curl=-1.0, ruffle=0.1, skew=0.3)
    assert points.shape == (7, 9, 3)
    assert np.isfinite(points).all()
