"""Backgrounds, things in front, and the camera."""

import numpy as np
from PIL import Image

from galao.pictures.flora.camera import develop
from galao.pictures.flora.scene import far_background, ground, in_front, landscape, noise


def test_noise_fills_the_picture_around_nothing():
    clouds = noise(50, 30, np.random.default_rng(1))
    assert clouds.shape == (30, 50)
    assert abs(clouds.mean()) < 0.3
    assert clouds.std() > 0.1


def test_backgrounds_have_the_size_asked_for_and_differ():
    pictures = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pictures += [far_background(40, 30, rng), ground(40, 30, rng), landscape(40, 30, 0.5, rng)]
    assert all(picture.size == (40, 30) and picture.mode == "RGB" for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_mostly_nothing_stands_in_front_and_it_never_hides_all():
    layers = [in_front(80, 60, np.random.default_rng(seed)) for seed in range(200)]
    assert 90 < sum(layer is None for layer in layers) < 160
    covered = [np.asarray(layer)[..., 3].mean() / 255 for layer in layers if layer is not None]
    assert max(covered) < 0.6


def test_the_camera_keeps_the_size_and_adds_noise():
    flat = Image.new("RGB", (64, 48), (120, 140, 90))
    shot = develop(flat, np.random.default_rng(0))
    assert shot.size == (64, 48)
    assert np.asarray(shot, float).std() > 1.0


def test_a_dark_scene_is_exposed_brighter():
    shots = [develop(Image.new("RGB", (32, 32), (25, 25, 25)), np.random.default_rng(seed)) for seed in range(10)]
    assert np.mean([np.asarray(shot, float).mean() for shot in shots]) > 45
