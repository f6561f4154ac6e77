"""Meshes and rotations."""

import numpy as np
import pytest

from galao.pictures.flora.mesh import (
    along,
    copies,
    cross,
    dome,
    empty,
    facing,
    join,
    sheet,
    tubes,
    turn_x,
    turn_y,
    turn_z,
    unit,
)

RNG = np.random.default_rng(0)
DIRECTIONS = np.concatenate([RNG.normal(size=(20, 3)), [[0.0, 1.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]])


@pytest.mark.parametrize("turn", [turn_x, turn_y, turn_z])
def test_a_turn_keeps_lengths_and_angles(turn):
    turns = turn(np.array([0.3, 2.0, -1.0]))
    assert np.allclose(turns @ np.swapaxes(turns, 1, 2), np.eye(3))
    assert np.allclose(np.linalg.det(turns), 1.0)


def test_facing_turns_z_to_the_direction():
    turns = facing(DIRECTIONS, RNG.normal(size=len(DIRECTIONS)))
    assert np.allclose(turns @ np.array([0.0, 0.0, 1.0]), unit(DIRECTIONS))
    assert np.allclose(np.linalg.det(turns), 1.0)


def test_along_turns_y_to_the_direction_and_z_to_the_sky():
    turns = along(DIRECTIONS, np.zeros(len(DIRECTIONS)))
    assert np.allclose(turns @ np.array([0.0, 1.0, 0.0]), unit(DIRECTIONS))
    assert (turns @ np.array([0.0, 0.0, 1.0]))[:20, 1].min() >= 0.0


def test_our_cross_product_is_numpys():
    a, b = RNG.normal(size=(2, 9, 3))
    assert np.allclose(cross(a, b), np.cross(a, b))


def test_a_sheet_has_one_quadrilateral_a_cell():
    mesh = sheet(RNG.normal(size=(2, 5, 4, 3)), np.ones(4))
    assert mesh.quads.shape == (2 * 4 * 3, 4, 3)
    assert mesh.paint.shape == (2 * 4 * 3, 4)


def test_copies_are_scaled_moved_and_tinted():
    mesh = sheet(dome(1.0, 1.0, 2, 4), np.array([1.0, 1.0, 1.0, 0.2]))
    tints = np.array([[0.5, 0.5, 0.5], [1.0, 1.0, 1.0]])
    both = copies(mesh, turn_z(np.zeros(2)), np.array([1.0, 2.0]), np.array([[0.0, 0.0, 0.0], [5.0, 0.0, 0.0]]), tints)
    half = len(mesh.quads)
    assert np.allclose(both.quads[:half], mesh.quads)
    assert np.allclose(both.quads[half:], mesh.quads * 2 + [5.0, 0.0, 0.0])
    assert np.allclose(both.paint[:half], [0.5, 0.5, 0.5, 0.2])


def test_a_tube_stays_at_its_radius_around_its_path():
    path = np.stack([np.zeros(5), np.linspace(0, 1, 5), np.zeros(5)], axis=-1)[None]
    mesh = tubes(path, np.full((1, 5), 0.1), np.ones(4), sides=6)
    assert np.allclose(np.hypot(mesh.quads[..., 0], mesh.quads[..., 2]), 0.1)


def test_joining_nothing_is_nothing():
    assert len(join([]).quads) == 0
    assert len(join([empty(), empty()]).quads) == 0
