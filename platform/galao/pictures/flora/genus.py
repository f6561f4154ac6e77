"""An invented genus: the traits that all of its plants share."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from galao.pictures.flora.names import genus_name

_SALT = 20150  # another salt is another flora
_Value = TypeVar("_Value")

# A value listed twice is twice as common. Trait by trait the genera differ; no single trait tells one.
FORMS = (
    *("open", "open", "open", "open", "daisy", "daisy", "bell", "bell", "trumpet", "trumpet"),
    *("lipped", "lipped", "lipped", "cup", "brush", "corona", "spathe"),
)
LIPS = ("orchid", "pea", "hooded", "violet")
PETAL_COUNTS = (3, 4, 5, 5, 6, 6, 7, 8, 10, 13)
RAY_COUNTS = (8, 13, 21, 34)
PETAL_OUTLINES = ("ovate", "obovate", "lanceolate", "round", "strap", "clawed", "acuminate")
PETAL_TIPS = ("plain", "plain", "plain", "plain", "notched", "cleft", "fringed", "toothed")
MARKINGS = ("none", "none", "none", "eye", "streak", "spots", "edge", "stripe", "tip")
CENTRES = ("boss", "stamens", "brush", "cone", "button", "star", "throat")
INFLORESCENCES = (
    *("solitary", "solitary", "solitary", "solitary", "raceme", "raceme", "spike", "umbel", "umbel"),
    *("ball", "panicle", "corymb", "corymb", "whorls", "secund", "pair"),
)
LEAF_KINDS = (
    *("linear", "strap", "lanceolate", "ovate", "obovate", "round", "cordate", "hastate", "oak", "palmate_lobed"),
    *("palmate", "trifoliate", "pinnate", "feathery", "needle"),
)
MARGINS = ("entire", "entire", "entire", "serrate", "crenate", "wavy", "spiny")
VENATIONS = ("pinnate", "pinnate", "parallel", "bold", "faint")
LEAF_PATTERNS = ("plain", "plain", "plain", "plain", "plain", "margin", "blotched", "midrib")
ARRANGEMENTS = ("alternate", "alternate", "alternate", "opposite", "opposite", "whorled")
HABITS = ("upright", "upright", "upright", "shrub", "shrub", "rosette", "rosette", "tuft", "climber", "mat")
STEM_TINTS = ("green", "green", "red", "brown")
HUES = (
    *("white", "cream", "yellow", "orange", "red", "pink", "magenta", "purple", "violet", "blue"),
    *("lilac", "salmon"),
)
ACCENTS = ("darker", "paler", "yellow", "darker", "red", "purple")
CENTRE_HUES = ("gold", "gold", "gold", "amber", "lime", "brown", "plum", "ivory")


@dataclass(frozen=True, slots=True)
class Genus:
    """Traits of one invented genus; lengths are shares of the plant's height, angles are radians."""

    number: int
    name: str
    # the flower
    form: str
    lip: str
    petal_count: int
    petal_outline: str
    petal_tip: str
    petal_width: float  # half width over length
    petal_pitch: float  # 0: flat open, positive: rising to a cup
    petal_curl: float  # positive: inwards
    petal_ruffle: float
    petal_skew: float  # pinwheel
    petal_cup: float
    whorls: int
    inner_share: float  # the inner whorl's size
    tube_depth: float
    lobe_depth: float
    marking: str
    centre: str
    centre_size: float
    sepals: bool
    # flowers together
    inflorescence: str
    flower_radius: float
    flower_nod: float  # 0: facing up, pi/2: facing sideways, more: hanging
    flower_crowding: float
    # leaves
    leaf_kind: str
    leaf_width: float
    leaf_length: float
    leaf_margin: str
    margin_teeth: int
    venation: str
    leaf_pattern: str
    leaflets: int
    petiole: float
    leaf_angle: float
    leaf_arch: float
    leaf_fold: float
    gloss: float
    arrangement: str
    internode: float
    # the whole
    habit: str
    stem_radius: float
    stem_tint: str
    hairy: bool
    zigzag: bool
    # colours: ranges that the genera share
    hues: tuple[str, str]
    accents: tuple[str, str]
    centre_hues: tuple[str, str]
    leaf_hue: float


def _pick(number: int, trait: str, values: Sequence[_Value]) -> _Value:
    """One of ``values``, dealt like cards: each comes once in every ``len(values)`` neighbouring numbers."""
    deal, place = divmod(number, len(values))
    order = np.random.default_rng([_SALT, zlib.crc32(trait.encode()), deal]).permutation(len(values))
    return values[int(order[place])]


def _flower_radius(inflorescence: str, form: str) -> float:
    """What a single flower's radius is around, as a share of the plant's height."""
    alone = {"solitary": 0.15, "pair": 0.12, "raceme": 0.05, "spike": 0.032, "umbel": 0.04, "ball": 0.035}
    base = {**alone, "panicle": 0.042, "corymb": 0.055, "whorls": 0.045, "secund": 0.055}[inflorescence]
    return base * (1.2 if form in {"lipped", "bell", "trumpet"} else 1.0)


def _inflorescence(number: int, form: str) -> str:
    """How the flowers stand together; a spathe always stands alone."""
    drawn = _pick(number, "inflorescence", INFLORESCENCES)
    if form == "spathe":
        return "solitary"
    if form in {"daisy", "brush", "cup", "corona"} and drawn in {"ball", "spike", "whorls"}:
        return "corymb"
    return drawn


def make_genus(number: int) -> Genus:
    """Genus ``number``; the same number is the same genus on every machine."""
    rng = np.random.default_rng([_SALT, number])
    form = _pick(number, "form", FORMS)
    inflorescence = _inflorescence(number, form)
    first = _pick(number, "hue", HUES)
    others = [hue for hue in HUES if hue != first]
    second = others[int(rng.integers(len(others)))]
    counts = RAY_COUNTS if form == "daisy" else PETAL_COUNTS
    return Genus(
        number=number,
        name=genus_name(number),
        form=form,
        lip=_pick(number, "lip", LIPS),
        petal_count=_pick(number, "count", counts),
        petal_outline=_pick(number, "outline", PETAL_OUTLINES),
        petal_tip=_pick(number, "tip", PETAL_TIPS),
        petal_width=rng.uniform(0.14, 0.46),
        petal_pitch=rng.uniform(-0.25, 0.75),
        petal_curl=rng.uniform(-1.3, 0.9),
        petal_ruffle=max(0.0, rng.uniform(-0.12, 0.14)),
        petal_skew=_pick(number, "skew", (0.0, 0.0, 0.0, 0.3)),
        petal_cup=rng.uniform(-0.4, 0.8),
        whorls=_pick(number, "whorls", (1, 1, 1, 2, 3)),
        inner_share=rng.uniform(0.5, 0.85),
        tube_depth=rng.uniform(0.7, 1.7),
        lobe_depth=rng.uniform(0.15, 0.9),
        marking=_pick(number, "marking", MARKINGS),
        centre=_pick(number, "centre", CENTRES),
        centre_size=rng.uniform(0.14, 0.34),
        sepals=_pick(number, "sepals", (True, False, False)),
        inflorescence=inflorescence,
        flower_radius=_flower_radius(inflorescence, form) * rng.uniform(0.75, 1.3),
        flower_nod=_pick(number, "nod", (0.1, 0.5, 0.9, 1.2, 1.6, 2.4)),
        flower_crowding=rng.uniform(0.6, 1.4),
        leaf_kind=_pick(number, "leaf", LEAF_KINDS),
        leaf_width=rng.uniform(0.75, 1.3),
        leaf_length=rng.uniform(0.13, 0.36),
        leaf_margin=_pick(number, "margin", MARGINS),
        margin_teeth=int(rng.integers(6, 13)),
        venation=_pick(number, "venation", VENATIONS),
        leaf_pattern=_pick(number, "pattern", LEAF_PATTERNS),
        leaflets=_pick(number, "leaflets", (3, 5, 7, 9)),
        petiole=_pick(number, "petiole", (0.0, 0.0, 0.25, 0.6)),
        leaf_angle=rng.uniform(-0.2, 1.0),
        leaf_arch=rng.uniform(-1.3, 0.4),
        leaf_fold=rng.uniform(0.0, 0.8),
        gloss=_pick(number, "gloss", (0.0, 0.1, 0.5)),
        arrangement=_pick(number, "arrangement", ARRANGEMENTS),
        internode=rng.uniform(0.045, 0.13),
        habit=_pick(number, "habit", HABITS),
        stem_radius=rng.uniform(0.005, 0.014),
        stem_tint=_pick(number, "stem", STEM_TINTS),
        hairy=_pick(number, "hairy", (True, False, False, False)),
        zigzag=_pick(number, "zigzag", (True, False, False, False, False)),
        hues=(first, second),
        accents=(_pick(number, "accent", ACCENTS), _pick(number, "other accent", ACCENTS)),
        centre_hues=(_pick(number, "heart", CENTRE_HUES), _pick(number, "other heart", CENTRE_HUES)),
        leaf_hue=rng.uniform(0.235, 0.315),
    )
