"""One plant of a genus on one day: its colours, its age, and how it strays from its kin."""

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from galao.pictures.flora.genus import Genus
from galao.pictures.flora.mesh import Array

_HUES = {  # hue, saturation, value in 0..1: the middle of a range
    "white": (0.12, 0.05, 0.95),
    "cream": (0.14, 0.28, 0.94),
    "yellow": (0.145, 0.85, 0.94),
    "orange": (0.075, 0.88, 0.93),
    "red": (0.985, 0.85, 0.75),
    "pink": (0.93, 0.45, 0.93),
    "magenta": (0.88, 0.78, 0.78),
    "purple": (0.79, 0.6, 0.62),
    "violet": (0.72, 0.6, 0.72),
    "blue": (0.62, 0.65, 0.8),
    "lilac": (0.76, 0.3, 0.88),
    "salmon": (0.03, 0.5, 0.93),
}
_CENTRES = {
    **{"gold": (0.13, 0.9, 0.85), "amber": (0.09, 0.85, 0.6), "lime": (0.2, 0.6, 0.6)},
    **{"brown": (0.05, 0.6, 0.28), "plum": (0.8, 0.5, 0.3), "ivory": (0.13, 0.2, 0.9)},
}
_STEMS = {"green": (0.27, 0.5, 0.5), "red": (0.99, 0.45, 0.42), "brown": (0.07, 0.45, 0.4)}


@dataclass(frozen=True, slots=True)
class Specimen:
    """How one plant looks; colours are sRGB ``[3]`` in 0..1."""

    petal: Array
    accent: Array
    centre: Array
    leaf: Array
    stem: Array
    opening: float  # added to the petals' pitch
    wilt: float  # 0 fresh .. 1 brown and limp
    disorder: float  # how unlike each other its petals and leaves are
    stretch: float  # width of petals and leaves, around 1
    flower_scale: float
    leaf_scale: float
    petals_more: int
    bloom: float  # the share of its flowers that are open


def rgb(hue: float, saturation: float, value: float) -> Array:
    """An sRGB colour ``[3]`` from hue (any turn), saturation and value (clipped to 0..1)."""
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0)))


def _near(middle: tuple[float, float, float], rng: Generator, spread: float) -> Array:
    """A colour around ``middle``."""
    hue, saturation, value = middle
    return rgb(
        hue + rng.normal(0, 0.022 * spread),
        saturation * rng.uniform(1 - 0.25 * spread, 1 + 0.2 * spread),
        value * rng.uniform(1 - 0.2 * spread, 1 + 0.06 * spread),
    )


def _accent(kind: str, petal: Array, rng: Generator) -> Array:
    """The colour of eyes, spots and stripes: darker or paler than the petal, or another one."""
    if kind == "darker":
        return np.asarray(petal * rng.uniform(0.3, 0.55))
    if kind == "paler":
        return np.asarray(petal * 0.25 + 0.75 * np.array([1.0, 0.98, 0.9]))
    return _near(_HUES[kind], rng, 1.0)


def grow_specimen(genus: Genus, rng: Generator) -> Specimen:
    """A specimen of ``genus``: one of its hues, and its own age and disorder."""
    hue = genus.hues[int(rng.random() < 0.4)]
    petal = _near(_HUES[hue], rng, 1.0)
    wilt = float(max(0.0, rng.normal(-0.15, 0.3)))
    tone = (genus.leaf_hue + rng.normal(0, 0.018), rng.uniform(0.4, 0.72), rng.uniform(0.38, 0.62))
    leaf = _near(tone, rng, 0.6)
    leaf += min(wilt, 0.8) * 0.45 * (np.array([0.6, 0.5, 0.2]) - leaf)
    return Specimen(
        petal=petal,
        accent=_accent(genus.accents[int(rng.random() < 0.3)], petal, rng),
        centre=_near(_CENTRES[genus.centre_hues[int(rng.random() < 0.3)]], rng, 1.0),
        leaf=leaf,
        stem=0.6 * _near(_STEMS[genus.stem_tint], rng, 1.0) + 0.4 * leaf,
        opening=rng.normal(0, 0.16) + (0.45 if rng.random() < 0.12 else 0.0),
        wilt=min(wilt, 1.0),
        disorder=rng.uniform(0.4, 1.3),
        stretch=rng.uniform(0.88, 1.14),
        flower_scale=rng.uniform(0.82, 1.22),
        leaf_scale=rng.uniform(0.8, 1.2),
        petals_more=int(rng.choice([-1, 0, 1], p=[0.08, 0.84, 0.08])),
        bloom=rng.uniform(0.6, 1.0),
    )
