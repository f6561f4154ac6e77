"""Invented genera: always the same, all different, alike in colour."""

from collections import Counter
from dataclasses import asdict

from galao.pictures.flora.genus import ARRANGEMENTS, FORMS, LEAF_KINDS, make_genus
from galao.pictures.flora.names import genus_name

_SHAPE = ("form", "petal_count", "petal_outline", "inflorescence", "leaf_kind", "leaf_margin", "arrangement", "habit")


def _shape(number):
    return tuple(asdict(make_genus(number))[trait] for trait in _SHAPE)


def test_a_number_is_always_the_same_genus():
    assert make_genus(17) == make_genus(17)


def test_values_are_dealt_evenly_so_that_small_sets_hold_all_of_them():
    for trait, values in (("form", FORMS), ("leaf_kind", LEAF_KINDS), ("arrangement", ARRANGEMENTS)):
        dealt = Counter(getattr(make_genus(number), trait) for number in range(len(values) * 4, len(values) * 5))
        assert dealt == Counter(values), trait


def test_the_genera_of_both_sets_differ_in_shape_and_name():
    numbers = [*range(24), *range(1000, 1200)]
    assert len({_shape(number) for number in numbers}) == len(numbers)
    assert len({make_genus(number).name for number in numbers}) == len(numbers)


def test_flower_colours_are_shared_between_genera():
    shared = Counter(hue for number in range(24) for hue in make_genus(number).hues)
    assert len(shared) >= 10
    assert min(shared.values()) >= 2


def test_leaf_colours_are_nearly_the_same():
    hues = [make_genus(number).leaf_hue for number in range(24)]
    assert max(hues) - min(hues) < 0.1


def test_names_are_unique_words_with_one_capital():
    names = [genus_name(number) for number in range(5400)]
    assert len(set(names)) == 5400
    assert all(name.isalpha() and name.isascii() and name == name.capitalize() for name in names)
