"""Light, shadow, projection and the order of painting."""

import numpy as np
import pytest
from PIL import Image

from galao.pictures.flora.mesh import Mesh
from galao.pictures.flora.paint import Light, View, cast_shadow, fill, look, make_light, place, project

SQUARE = np.array([[-1.0, 0.0, -1.0], [1.0, 0.0, -1.0], [1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]])
UPRIGHT = np.array([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]])
SUN = np.array([0.0, 1.0, 0.0])
LIGHT = Light(np.array([0.0, 0.6, 0.8]), np.ones(3), np.full(3, 0.4))
VIEW = View(np.zeros(3), look(0.0, 0.0, 0.0), 10.0, 100, 60, 10.0)


def _paint(count):
    return np.tile([0.8, 0.3, 0.2, 0.0], (count, 1))


def test_what_lies_under_something_is_in_its_shadow():
    fine = np.array([SQUARE * 0.1 + [x, y, 0.0] for y in (0.0, 1.0) for x in np.linspace(-1, 1, 9)])
    light = cast_shadow(fine, SUN, cells=12)
    assert light[:9].mean() < 0.4
    assert light[9:].mean() == pytest.approx(1.0)


def test_the_target_is_in_the_middle_and_near_things_are_larger():
    middle, _ = place(np.zeros(3), VIEW)
    assert middle.tolist() == [50.0, 30.0]
    near, far = (place(np.array([1.0, 0.0, z]), VIEW)[0][0] - 50 for z in (3.0, -3.0))
    assert near > 10.0 > far


def test_looking_from_above_shows_the_ground_in_front_below():
    view = View(np.zeros(3), look(0.0, 1.0, 0.0), 10.0, 100, 60, 10.0)
    pixel, _ = place(np.array([0.0, 0.0, 1.0]), view)
    assert pixel[1] > 30.0


def test_far_polygons_come_first_and_those_outside_are_left_out():
    quads = np.array([UPRIGHT * 0.5 + shift for shift in ([0, 0, 1.0], [0, 0, -1.0], [99.0, 0, 0])])
    polygons = project(Mesh(quads, _paint(3)), VIEW, LIGHT)
    assert len(polygons.depth) == 2
    assert polygons.depth[0] < polygons.depth[1]


def test_polygons_are_painted_opaque_in_their_colour():
    polygons = project(Mesh(UPRIGHT[None], _paint(1)), VIEW, LIGHT)
    canvas = Image.new("RGBA", (100, 60))
    fill(canvas, polygons.corners, polygons.inks)
    red, green, blue, alpha = canvas.getpixel((50, 30))
    assert alpha == 255
    assert red > green > blue
    assert canvas.getpixel((1, 1)) == (0, 0, 0, 0)


def test_the_sun_stands_above_the_ground():
    for seed in range(50):
        light = make_light(np.random.default_rng(seed))
        assert light.sun[1] > 0
        assert np.linalg.norm(light.sun) == pytest.approx(1.0)
