"""The TEST transform, pixel by pixel."""

import json
import math
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from galao.pictures.prepare import Preprocessing, centre_crop, prepare, resize, to_array


def numbered(width, height):
    """A picture whose red is its column and whose green is its row."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.dstack([x, y, 0 * x]).astype(np.uint8))


def crop_only(size):
    return Preprocessing(crop_size=size)


# Resize


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((100, 80), 40, (50, 40)),
        ((80, 100), 40, (40, 50)),
        ((500, 375), 256, (341, 256)),
        ((375, 500), 256, (256, 341)),
        ((30, 20), 64, (96, 64)),
        ((77, 77), 64, (64, 64)),
    ],
)
def test_the_short_side_becomes_what_is_asked_and_the_long_is_rounded_down(size, side, expected):
    assert resize(Image.new("RGB", size), Preprocessing(crop_size=16, short_side=side)).size == expected


def test_sizes_agree_with_torchvision():
    functional = pytest.importorskip("torchvision.transforms.functional")
    for size in ((500, 375), (333, 499), (1024, 683), (257, 256), (64, 64), (97, 31)):
        picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
        ours = resize(picture, Preprocessing(crop_size=32, short_side=48))
        assert ours == functional.resize(picture, 48)


def test_squash_gives_up_the_proportions():
    how = Preprocessing(crop_size=24, new_height=30, new_width=40)
    assert resize(Image.new("RGB", (100, 200)), how).size == (40, 30)


def test_a_picture_of_the_right_size_is_itself():
    picture = numbered(40, 32)
    assert resize(picture, Preprocessing(crop_size=32, short_side=32)) is picture
    assert resize(picture, Preprocessing(crop_size=16, new_height=32, new_width=40)) is picture
    assert resize(picture, crop_only(16)) is picture
    square = numbered(32, 32)
    assert centre_crop(square, 32) is square


def test_resize_is_bilinear_with_antialias():
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (64, 64))).convert("RGB")
    grey = np.asarray(resize(stripes, Preprocessing(crop_size=16, short_side=16)))
    assert abs(int(grey[8, 8, 0]) - 127) < 20  # without antialias it would be 0 or 255
    assert np.array_equal(grey, np.asarray(stripes.resize((32, 16), Image.Resampling.BILINEAR)))


def test_a_very_long_picture_is_cut_to_its_middle_before_it_grows():
    strip = Image.new("RGB", (200_000, 16))
    strip.paste((255, 0, 0), (99_000, 0, 101_000, 16))
    tracemalloc.start()
    array = prepare(strip, Preprocessing(crop_size=224, short_side=256))
    grown = prepare(strip, crop_only(224))
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    for result in (array, grown):
        assert result.shape == (3, 224, 224)
        assert result[0].min() == 255


# Crop


@pytest.mark.parametrize(
    ("size", "crop", "left", "top"),
    [((10, 10), 4, 3, 3), ((11, 10), 4, 3, 3), ((13, 11), 4, 4, 3), ((4, 9), 4, 0, 2), ((5, 4), 4, 0, 0)],
)
def test_the_crop_starts_at_caffes_floor_of_half_the_rest(size, crop, left, top):
    pixels = np.asarray(centre_crop(numbered(*size), crop))
    assert pixels.shape == (crop, crop, 3)
    assert tuple(pixels[0, 0, :2]) == (left, top)
    assert tuple(pixels[-1, -1, :2]) == (left + crop - 1, top + crop - 1)


@pytest.mark.parametrize("size", [(20, 50), (50, 20), (31, 31), (16, 400)])
def test_a_picture_smaller_than_the_crop_is_enlarged_until_it_covers(size):
    picture = Image.new("RGB", size, (9, 8, 7))
    assert np.asarray(centre_crop(picture, 32)).reshape(-1, 3).tolist() == [[9, 8, 7]] * 32 * 32


# Array


def test_an_array_is_the_pixel_minus_mean_times_scale_per_channel():
    how = Preprocessing(crop_size=2, mean=(10.0, 20.0, 30.0), scale=(1.0, 0.5, 0.25))
    array = to_array(Image.new("RGB", (3, 2), (110, 120, 130)), how)
    assert array.shape == (3, 2, 3)
    assert array.dtype == np.float32
    assert array.flags["C_CONTIGUOUS"]
    assert [channel.tolist() for channel in array] == [[[100.0] * 3] * 2, [[50.0] * 3] * 2, [[25.0] * 3] * 2]


def test_an_array_agrees_with_torchvisions_normalisation():
    transforms = pytest.importorskip("torchvision.transforms")
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    usual = transforms.Compose(
        [
            transforms.Resize(64),
            transforms.CenterCrop(56),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )
    how = Preprocessing(
        crop_size=56,
        short_side=64,
        mean=tuple(255 * value for value in mean),
        scale=tuple(1 / (255 * value) for value in std),
    )
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (90, 120, 3), dtype=np.uint8))
    resized = picture.resize((96, 72))  # even differences, where torchvision's rounding and Caffe's floor agree
    assert np.abs(prepare(resized, how) - usual(resized).numpy()).max() < 1e-5


def test_an_array_needs_rgb():
    with pytest.raises(ValueError, match="RGB"):
        to_array(Image.new("L", (4, 4)), crop_only(4))


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (64, 64), (500, 333)])
@pytest.mark.parametrize(
    "how",
    [
        Preprocessing(crop_size=32),
        Preprocessing(crop_size=32, short_side=32),
        Preprocessing(crop_size=32, short_side=40),
        Preprocessing(crop_size=32, new_height=32, new_width=48),
    ],
)
def test_prepare_always_ends_at_the_crop(size, how):
    assert prepare(Image.new("RGB", size, (1, 2, 3)), how).tolist() == [
        [[float(value)] * 32] * 32 for value in (1, 2, 3)
    ]


# Preprocessing


def test_preprocessing_survives_json():
    for how in (
        Preprocessing(crop_size=224, short_side=256, mean=(123.675, 116.28, 103.53), scale=(0.0171, 0.0175, 0.0174)),
        Preprocessing(crop_size=24, new_height=30, new_width=40),
        crop_only(28),
    ):
        assert Preprocessing.from_json(json.loads(json.dumps(how.to_json()))) == how


def test_whole_numbers_in_json_are_read_as_floats():
    fields = crop_only(8).to_json() | {"mean": [0, 1, 2], "scale": [1, 1, 2]}
    assert Preprocessing.from_json(fields).mean == (0.0, 1.0, 2.0)


@pytest.mark.parametrize(
    "change",
    [
        {"crop_size": 0},
        {"crop_size": -3},
        {"crop_size": 2.5},
        {"crop_size": True},
        {"crop_size": None},
        {"crop_size": "224"},
        {"short_side": 7},
        {"short_side": 0},
        {"new_height": 8},
        {"new_width": 8},
        {"new_height": 8, "new_width": 7},
        {"short_side": 8, "new_height": 8, "new_width": 8},
        {"mean": (1.0, 2.0)},
        {"mean": [1.0, 2.0, 3.0]},
        {"mean": (1.0, 2.0, math.nan)},
        {"mean": None},
        {"scale": (1.0, 1.0, 0.0)},
        {"scale": (1.0, 1.0, math.inf)},
        {"scale": ("1", "1", "1")},
    ],
)
def test_impossible_preprocessing_is_one_line(change):
    with pytest.raises(ValueError, match=r"^preprocessing: ") as caught:
        Preprocessing(**({"crop_size": 8} | change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        "crop_size",
        {},
        {"crop_size": 8},
        crop_only(8).to_json() | {"more": 1},
        crop_only(8).to_json() | {"mean": None},
        crop_only(8).to_json() | {"mean": [1, 2]},
        crop_only(8).to_json() | {"mean": ["a", "b", "c"]},
        crop_only(8).to_json() | {"scale": {"r": 1}},
        crop_only(8).to_json() | {"crop_size": [8]},
        crop_only(8).to_json() | {"short_side": 4},
    ],
)
def test_json_that_is_no_preprocessing_is_one_line(fields):
    with pytest.raises(ValueError, match=r"^preprocessing: ") as caught:
        Preprocessing.from_json(fields)
    assert "\n" not in str(caught.value)


def test_the_decoder_is_told_the_larger_of_what_is_wanted():
    assert crop_only(8).decode_side is None
    assert Preprocessing(crop_size=8, short_side=10).decode_side == 10
    assert Preprocessing(crop_size=8, new_height=10, new_width=30).decode_side == 30
