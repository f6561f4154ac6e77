"""Drawn plants: settled by the seed, different by genus, view and seed, and made without torch."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from galao.pictures.flora.draw import VIEWS, draw
from galao.pictures.flora.genus import (
    ARRANGEMENTS,
    CENTRES,
    FORMS,
    HABITS,
    INFLORESCENCES,
    LEAF_KINDS,
    LEAF_PATTERNS,
    LIPS,
    MARGINS,
    MARKINGS,
    PETAL_OUTLINES,
    PETAL_TIPS,
    VENATIONS,
    make_genus,
)

_DIGEST = """
import hashlib, sys
from galao.pictures.flora.draw import VIEWS, draw
from galao.pictures.flora.genus import make_genus
assert "torch" not in sys.modules
print(hashlib.sha256(b"".join(draw(make_genus(3), view, 11, 64).tobytes() for view in VIEWS)).hexdigest())
"""


def _mean_difference(one, other):
    size = (48, 48)
    return np.abs(np.asarray(one.resize(size), float) - np.asarray(other.resize(size), float)).mean()


def test_the_same_seed_gives_the_same_bytes_in_another_process_and_loads_no_torch():
    here = hashlib.sha256(b"".join(draw(make_genus(3), view, 11, 64).tobytes() for view in VIEWS)).hexdigest()
    there = subprocess.run([sys.executable, "-c", _DIGEST], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_another_seed_another_view_and_another_genus_are_other_pictures():
    first = draw(make_genus(2), "closeup", 1, 64)
    others = [
        draw(make_genus(2), "closeup", 2, 64),
        draw(make_genus(2), "plant", 1, 64),
        draw(make_genus(2), "stalk", 1, 64),
        draw(make_genus(4), "closeup", 1, 64),
    ]
    assert all(_mean_difference(first, other) > 8 for other in others)


def test_the_short_side_is_what_was_asked_and_shapes_vary():
    pictures = [draw(make_genus(1), "stalk", seed, 72) for seed in range(12)]
    assert all(min(picture.size) == 72 and picture.mode == "RGB" for picture in pictures)
    assert {picture.size for picture in pictures} == {(96, 72), (72, 96), (72, 72)}


@pytest.mark.parametrize(
    ("trait", "values"),
    [
        ("form", FORMS),
        ("lip", LIPS),
        ("petal_outline", PETAL_OUTLINES),
        ("petal_tip", PETAL_TIPS),
        ("marking", MARKINGS),
        ("centre", CENTRES),
        ("inflorescence", INFLORESCENCES),
        ("leaf_kind", LEAF_KINDS),
        ("leaf_margin", MARGINS),
        ("venation", VENATIONS),
        ("leaf_pattern", LEAF_PATTERNS),
        ("arrangement", ARRANGEMENTS),
        ("habit", HABITS),
        ("leaflets", (3, 5, 7, 9)),
        ("hairy", (True, False)),
        ("zigzag", (True, False)),
    ],
)
def test_every_value_of_a_trait_can_be_drawn(trait, values):
    form = "lipped" if trait == "lip" else "open"
    for value in sorted(set(values)):
        genus = replace(make_genus(7), **{"form": form, trait: value})
        for view in VIEWS:
            assert min(draw(genus, view, 5, 40).size) == 40


def test_pictures_are_neither_black_nor_white_nor_flat():
    for number in range(0, 24, 3):
        pixels = np.asarray(draw(make_genus(number), "closeup", number, 64), float)
        assert 30 < pixels.mean() < 210
        assert pixels.std() > 12
