"""One leaf as a mesh of length about one along +y from the end of its stalk, its upper face to +z."""

import numpy as np
from numpy.random import Generator

from galao.pictures.flora.genus import Genus
from galao.pictures.flora.mesh import Array, Mesh, copies, join, sheet, tubes, turn_x, turn_z
from galao.pictures.flora.outline import cells, leaf
from galao.pictures.flora.specimen import Specimen

_WIDTHS = {
    **{"linear": 0.05, "strap": 0.1, "lanceolate": 0.15, "ovate": 0.3, "obovate": 0.26, "round": 0.46},
    **{"cordate": 0.44, "hastate": 0.34, "oak": 0.3, "palmate_lobed": 0.26, "palmate": 0.16, "trifoliate": 0.3},
    **{"pinnate": 0.3, "feathery": 0.07, "needle": 0.02},
}
_GRIDS = ((6, 2), (12, 4), (28, 8))  # cells along and across, coarse to fine
_PALE = np.array([0.86, 0.88, 0.62])


def leaf_paint(genus: Genus, plant: Specimen, nu: int, nv: int, rng: Generator) -> Array:
    """Colours ``[nu,nv,4]`` of a blade: midrib and veins, the genus's pattern, dry tips."""
    u, v = cells(nu, nv)
    lines = {
        "pinnate": np.mod(u * 7 - np.abs(v) * 1.6, 1.0) < 0.3,
        "bold": np.mod(u * 5 - np.abs(v) * 1.5, 1.0) < 0.4,
        "parallel": np.mod(np.arange(nv), 2)[None] * np.ones_like(u) > 0.5,
    }.get(genus.venation, np.zeros((nu, nv), bool))
    depth = 0.42 if genus.venation == "bold" else 0.16
    tone = 1.0 + depth * lines - 0.06 * rng.random((nu, nv))
    colour = plant.leaf * tone[..., None]
    pale = {
        "margin": np.abs(v) > 0.62,
        "blotched": np.sin(u * 9 + 6 * rng.random()) * np.cos(v * 2.6 + 6 * rng.random()) > 0.3,
        "midrib": np.abs(v) < 0.26,
    }.get(genus.leaf_pattern, np.zeros((1, 1), bool))
    share = 0.7 * np.broadcast_to(pale, (nu, nv))[..., None]
    colour = colour * (1 - share) + _PALE * share
    dry = plant.wilt * np.clip(1.6 * u - 1.0 + 0.3 * np.abs(v), 0, 1)[..., None]
    colour = colour * (1 - dry) + np.array([0.5, 0.38, 0.18]) * dry
    return np.concatenate([np.clip(colour, 0, 1), np.full((nu, nv, 1), genus.gloss)], axis=-1)


def _simple(genus: Genus, plant: Specimen, detail: int, rng: Generator, outline: str, width: float) -> Mesh:
    """A blade in one piece."""
    nu, nv = _GRIDS[detail]
    margin = "lobed" if genus.leaf_kind == "oak" else genus.leaf_margin if detail else "entire"
    teeth = max(3, genus.leaflets // 2 + 1) if margin == "lobed" else genus.margin_teeth
    blade = leaf(outline, width * genus.leaf_width * plant.stretch, max(nu, teeth * 2 if detail else nu), nv,
                 margin=margin, teeth=teeth, fold=genus.leaf_fold,
                 arch=genus.leaf_arch - 0.7 * plant.wilt)  # fmt: skip
    return sheet(blade, leaf_paint(genus, plant, len(blade) - 1, nv, rng))


def _fan(blade: Mesh, angles: Array, scales: Array, rng: Generator) -> Mesh:
    """Leaflets side by side from one point."""
    return copies(blade, turn_z(angles) @ turn_x(rng.normal(0, 0.05, len(angles))), scales)


def _spread(genus: Genus, reach: float) -> tuple[Array, Array]:
    """Angles and sizes of a fan's leaflets: the middle one the largest."""
    angles = np.linspace(-reach, reach, genus.leaflets)
    return angles, 1.0 - 0.4 * np.abs(angles / reach) ** 1.5


def _feather(blade: Mesh, pairs: int, plant: Specimen, rng: Generator, taper: float) -> Mesh:
    """Leaflets in pairs along a rachis, one at its end."""
    at = np.repeat(np.linspace(0.14, 0.88, pairs), 2)
    side = np.tile([-1.0, 1.0], pairs)
    size = (0.5 - 0.07 * (pairs - 3)) * (1.0 - taper * np.abs(at - 0.4))
    angles = np.append(side * (1.15 - 0.35 * at) + rng.normal(0, 0.06, 2 * pairs), 0.0)
    offsets = np.stack([np.zeros(2 * pairs + 1), np.append(at, 0.9), np.zeros(2 * pairs + 1)], axis=-1)
    path = np.linspace(0, 0.95, 5)[None, :, None] * np.array([0.0, 1.0, 0.0])
    rachis = tubes(path, np.full((1, 5), 0.012), np.append(plant.stem, 0.0), 3)
    return join([copies(blade, turn_z(angles), np.append(np.maximum(size, 0.14), 0.3), offsets), rachis])


def build_leaf(genus: Genus, plant: Specimen, detail: int, rng: Generator) -> Mesh:
    """A leaf at ``detail`` 0 (a few pixels) .. 2 (fills the picture), without its stalk."""
    kind, small = genus.leaf_kind, min(detail, 1)
    width = _WIDTHS[kind]
    match kind:
        case "palmate_lobed":
            slim = {3: 1.5, 5: 1.05, 7: 0.85, 9: 0.65}[genus.leaflets]
            blade = _simple(genus, plant, small, rng, "ovate", width * slim)
            return _fan(blade, *_spread(genus, 1.1 + 0.12 * genus.leaflets), rng)
        case "palmate":
            return _fan(_simple(genus, plant, small, rng, "obovate", width), *_spread(genus, 1.5), rng)
        case "trifoliate":
            blade = _simple(genus, plant, detail, rng, "ovate" if genus.leaflets < 6 else "obovate", width)
            return copies(
                _fan(blade, np.array([-1.2, 1.2, 0.0]), np.array([0.8, 0.8, 1.0]), rng), turn_z(np.zeros(1)), 0.75
            )
        case "pinnate":
            blade = _simple(genus, plant, small, rng, "ovate" if genus.leaflets < 6 else "lanceolate", width)
            return _feather(blade, max(3, genus.leaflets - 2), plant, rng, 0.4)
        case "feathery":
            thread = _simple(genus, plant, 0, rng, "linear", width)
            spray = _fan(thread, np.linspace(-0.8, 0.8, 5), np.array([0.5, 0.75, 1.0, 0.75, 0.5]), rng)
            return _feather(spray, 3 + genus.leaflets // 3, plant, rng, 0.5)
        case "needle":
            thread = _simple(genus, plant, 0, rng, "linear", width)
            return _fan(thread, np.linspace(-0.5, 0.5, 5), np.full(5, 0.8), rng)
        case "oak":
            return _simple(genus, plant, max(detail, 1), rng, "obovate", width)
        case _:
            return _simple(genus, plant, detail, rng, kind, width)


__all__ = ["build_leaf"]
