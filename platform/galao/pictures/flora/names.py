"""Invented Latin genus names: one for each number, never the same twice."""

from functools import cache

import numpy as np

# Beginnings, middles and endings that sound like botany; no combination is a genus that we know of.
_BEGINNINGS = (
    *("Vel", "Mor", "Tas", "Quel", "Bru", "Sil", "Dro", "Fen", "Gal", "Hes", "Jul", "Kor", "Lum", "Nar", "Ost"),
    *("Pru", "Rhem", "Sca", "Tor", "Umb", "Vor", "Xan", "Yel", "Zor", "Cal", "Bel", "Dem", "Esk", "Flo", "Gry"),
)
_MIDDLES = ("and", "ovi", "ur", "ess", "il", "um", "agr", "ond", "imp", "ev", "ost", "arv", "ul", "eph", "ymb")
_ENDINGS = ("antha", "oria", "iphila", "ospora", "unda", "elia", "ictum", "oides", "aster", "igera", "avia", "ophora")


@cache
def _order() -> tuple[int, ...]:
    """The shuffled order in which the combinations are handed out."""
    count = len(_BEGINNINGS) * len(_MIDDLES) * len(_ENDINGS)
    return tuple(int(place) for place in np.random.default_rng(2015).permutation(count))


def genus_name(number: int) -> str:
    """The name of genus ``number`` (0 .. 5399): a capital, then small letters only."""
    place, ending = divmod(_order()[number], len(_ENDINGS))
    beginning, middle = divmod(place, len(_MIDDLES))
    return _BEGINNINGS[beginning] + _MIDDLES[middle] + _ENDINGS[ending]
