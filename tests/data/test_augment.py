"""What chance does to a training picture, and that it is always the same chance."""

import numpy as np
import pytest
from PIL import Image

from galao.config.data import TrainTransformParam
from galao.data.augment import augment, generator, random_box
from galao.pictures.prepare import Preprocessing

HOW = Preprocessing(crop_size=16, short_side=20)


@pytest.fixture(scope="module")
def picture():
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def draw(picture, seed=0, epoch=0, position=0, how=HOW, **fields):
    return augment(picture, how, TrainTransformParam.model_validate(fields), generator(seed, epoch, position))


def test_the_array_is_three_planes_of_bytes(picture):
    array = draw(picture, mirror=True, random_area=(0.3, 1.0), color_jitter=0.3)
    assert array.shape == (3, 16, 16)
    assert array.dtype == np.uint8
    assert array.flags.c_contiguous


def test_chance_belongs_to_seed_epoch_and_place(picture):
    fields = {"mirror": True, "random_area": (0.3, 1.0), "color_jitter": 0.3}
    first = draw(picture, 1, 2, 3, **fields)
    assert np.array_equal(first, draw(picture, 1, 2, 3, **fields))
    for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert not np.array_equal(first, draw(picture, *other, **fields))


def test_mirror_flips_half_of_the_pictures(picture):
    square = picture.resize((16, 16))
    how = Preprocessing(crop_size=16, short_side=16)
    plain = np.asarray(square).transpose(2, 0, 1)
    flipped = sum(np.array_equal(draw(square, position=k, how=how, mirror=True), plain[:, :, ::-1]) for k in range(400))
    assert 150 < flipped < 250
    assert all(np.array_equal(draw(square, position=k, how=how), plain) for k in range(20))


def test_caffes_crop_reaches_every_offset():
    y, x = np.mgrid[:20, :20]
    image = Image.fromarray(np.stack([y, x, x], axis=2).astype(np.uint8))
    corners = {tuple(draw(image, position=k)[:2, 0, 0]) for k in range(600)}
    assert corners == {(top, left) for top in range(5) for left in range(5)}


def test_a_random_box_keeps_to_its_share_and_aspect():
    chance = np.random.default_rng(0)
    for _ in range(500):
        left, top, right, bottom = random_box(200, 100, (0.2, 0.6), 2.0, chance)
        assert 0 <= left < right <= 200
        assert 0 <= top < bottom <= 100
        assert 0.18 < (right - left) * (bottom - top) / 20_000 < 0.62
        assert 0.48 < (right - left) / (bottom - top) < 2.1


def test_a_box_that_cannot_be_had_is_the_middle_square():
    assert random_box(1000, 10, (1.0, 1.0), 1.0, np.random.default_rng(0)) == (495, 0, 505, 10)


def test_jitter_changes_light_but_not_place():
    grey = Image.new("RGB", (20, 20), (100, 100, 100))
    values = {int(draw(grey, position=k, color_jitter=0.4)[0, 0, 0]) for k in range(50)}
    assert len(values) > 20
    assert 55 <= min(values) < 75
    assert 125 < max(values) <= 145
