"""One flower as a mesh of radius about one around the origin, looking along +z."""

import numpy as np
from numpy.random import Generator

from galao.pictures.flora.genus import Genus
from galao.pictures.flora.mesh import Array, Mesh, copies, dome, join, sheet, tubes, turn_x, turn_y, turn_z
from galao.pictures.flora.outline import cells, petal
from galao.pictures.flora.specimen import Specimen

_BROWN = np.array([0.42, 0.3, 0.16])
_GOLDEN = 2.399963


def petal_paint(genus: Genus, plant: Specimen, nu: int, nv: int, rng: Generator, marking: str | None = None) -> Array:
    """Colours ``[nu,nv,4]`` of a petal: paler or darker to the base, veined, with the genus's marking."""
    u, v = cells(nu, nv)
    marking = genus.marking if marking is None else marking
    base = plant.petal * 0.86 + 0.14 * np.array([0.95, 1.0, 0.75])
    colour = base + (plant.petal - base) * np.minimum(1.0, 1.6 * u)[..., None] + 0.0 * v[..., None]
    accent = {
        "eye": u + 0.08 * v * v < 0.38,
        "streak": (np.mod(np.abs(v) * 2.6 + 0.2, 1.0) < 0.42) & (u < 0.72),
        "spots": (np.sin(15 * u + 4 * v) * np.sin(7 * v - 5 * u + 1) > 0.4) & (u < 0.92),
        "edge": (np.abs(v) > 0.68) | (u > 0.88),
        "stripe": np.abs(v) < 0.24,
        "tip": u > 0.72,
    }.get(marking, np.zeros((1, 1), bool))
    share = 0.85 * np.broadcast_to(accent, (nu, nv))[..., None]
    colour = colour * (1 - share) + plant.accent * share
    veins = 1.0 - 0.07 * (np.mod(np.arange(nv), 2)[None, :, None]) - 0.03 * rng.random((nu, nv, 1))
    dry = plant.wilt * np.clip(u - 0.45 + 0.25 * np.abs(v), 0, 1)[..., None]
    depth = 0.78 + 0.22 * np.minimum(1.0, 2.2 * u)[..., None]  # little light reaches the petals' feet
    colour = colour * veins * depth * (1 - dry) + _BROWN * dry
    return np.concatenate([colour, np.full((nu, nv, 1), 0.06)], axis=-1)


def whorl(
    blade: Mesh, count: int, pitch: float, rng: Generator, *, disorder: float, start: float = 0.0, rim: float = 0.0
) -> Mesh:
    """``count`` copies of a petal around z, each a little aslant so that it overlaps its neighbour."""
    azimuth = start + np.arange(count) * 2 * np.pi / count + rng.normal(0, 0.05 * disorder, count)
    pitches = pitch + rng.normal(0, 0.09 * disorder, count)
    turns = turn_z(azimuth) @ turn_x(pitches) @ turn_y(np.full(count, 0.16) + rng.normal(0, 0.1 * disorder, count))
    offsets = rim * np.stack([-np.sin(azimuth), np.cos(azimuth), np.zeros(count)], axis=-1)
    scales = rng.normal(1.0, 0.05 * disorder, count)
    return copies(blade, turns, scales, offsets, rng.uniform(0.9, 1.04, (count, 1)) * np.ones(3))


def _blade(genus: Genus, plant: Specimen, detail: int, rng: Generator, **traits: object) -> Mesh:
    """One petal of the genus at ``detail`` (0 coarse .. 2 fine), with ``traits`` overruling the genus."""
    outline = str(traits.get("outline", genus.petal_outline))
    tip = str(traits.get("tip", genus.petal_tip)) if detail else "plain"
    width = float(str(traits.get("width", genus.petal_width))) * plant.stretch
    curl = float(str(traits.get("curl", genus.petal_curl))) + plant.wilt * 0.8
    marking = traits.get("marking")
    nu, nv = ((4, 2), (7, 6), (16, 14))[detail]
    shape = petal(
        outline,
        tip,
        width,
        nu,
        nv,
        cup=genus.petal_cup,
        curl=curl,
        ruffle=genus.petal_ruffle + 0.08 * plant.wilt,
        skew=genus.petal_skew,
    )
    return sheet(shape, petal_paint(genus, plant, nu, nv, rng, None if marking is None else str(marking)))


def _dots(mesh: Mesh, rng: Generator, depth: float) -> Mesh:
    """The same mesh with each cell a little lighter or darker."""
    paint = mesh.paint.copy()
    paint[:, :3] *= rng.uniform(1 - depth, 1 + 0.3 * depth, (len(paint), 1))
    return Mesh(mesh.quads, paint)


def _solid(colour: Array, gloss: float = 0.05) -> Array:
    """A paint ``[4]`` of one colour."""
    return np.append(colour, gloss)


def _boss(colour: Array, radius: float, height: float, detail: int, rng: Generator) -> Mesh:
    """A rough dome in the middle of a flower."""
    rings, sides = ((2, 6), (4, 10), (9, 24))[detail]
    return _dots(sheet(dome(radius, height, rings, sides), _solid(colour)), rng, 0.45)


def _stamens(plant: Specimen, count: int, length: float, spread: float, rng: Generator) -> Mesh:
    """Threads with a knob each, leaning outwards by up to ``spread`` radians."""
    azimuth = rng.uniform(0, 2 * np.pi, count)
    lean = spread * np.sqrt(rng.uniform(0.05, 1, count))
    aim = np.stack([np.sin(lean) * np.cos(azimuth), np.sin(lean) * np.sin(azimuth), np.cos(lean)], axis=-1)
    reach = length * rng.uniform(0.8, 1.1, count)[:, None, None]
    paths = np.linspace(0, 1, 3)[None, :, None] * aim[:, None] * reach
    pale = plant.petal * 0.5 + 0.5
    threads = tubes(paths, np.full((count, 3), 0.012), _solid(pale), 3)
    knob = sheet(dome(0.045, 0.05, 2, 5), _solid(plant.centre))
    return join([threads, copies(knob, turn_z(azimuth), 1.0, paths[:, -1])])


def _centre(genus: Genus, plant: Specimen, detail: int, rng: Generator) -> Mesh:
    """What stands in the middle."""
    size = genus.centre_size
    many = (5, 9, 16)[detail]
    match genus.centre:
        case "boss":
            return _boss(plant.centre, size, size * 0.55, detail, rng)
        case "cone":
            return _boss(plant.centre, size * 0.8, size * 2.2, detail, rng)
        case "button":
            return _boss(plant.centre * 0.6 + 0.2, size * 0.5, size * 0.3, min(detail, 1), rng)
        case "stamens":
            return join([_stamens(plant, many, 0.34 + size, 0.75, rng), _boss(plant.leaf, 0.07, 0.1, 0, rng)])
        case "brush":
            return _stamens(plant, many * 3, 0.45 + 1.3 * size, 1.1, rng)
        case "star":
            arms = whorl(
                sheet(petal("strap", "plain", 0.2, 3, 2, cup=0, curl=0.3, ruffle=0, skew=0), _solid(plant.centre)),
                5,
                0.5,
                rng,
                disorder=0.5,
            )
            return copies(arms, turn_z(np.zeros(1)), 0.12 + size, np.array([[0, 0, 0.04]]))
        case _:
            return _boss(plant.petal * 0.25, size * 0.8, 0.02, min(detail, 1), rng)


def _open(genus: Genus, plant: Specimen, detail: int, rng: Generator, pitch: float) -> Mesh:
    """One to three whorls of free petals around the centre."""
    count = max(3, genus.petal_count + plant.petals_more * (genus.petal_count > 4))
    blade = _blade(genus, plant, detail, rng)
    parts = []
    for step in range(genus.whorls):
        size = genus.inner_share**step
        ring = whorl(blade, count, pitch + 0.3 * step, rng, disorder=plant.disorder, start=step * np.pi / count)
        parts.append(copies(ring, turn_z(np.zeros(1)), size, np.array([[0.0, 0.0, 0.05 * step]])))
    return join([*parts, _centre(genus, plant, detail, rng)])


def _daisy(genus: Genus, plant: Specimen, detail: int, rng: Generator, pitch: float) -> Mesh:
    """Many narrow rays around a disc; the disc's height and size are the genus's."""
    count = genus.petal_count + 2 * plant.petals_more
    width = min(0.3, (1.6 + genus.petal_width) / count)
    outline = {"round": "obovate", "clawed": "strap"}.get(genus.petal_outline, genus.petal_outline)
    blade = _blade(genus, plant, min(detail, 1), rng, outline=outline, width=width, curl=genus.petal_curl * 0.6)
    disc = genus.centre_size * 1.25
    scale = np.array([1.0 - disc])
    rings = [
        whorl(copies(blade, turn_z(np.zeros(1)), scale * share), count, 0.5 * pitch + lift, rng,
              disorder=plant.disorder, start=lift, rim=disc * 0.8)
        for share, lift in ((1.0, 0.0), (0.8, 0.25))[: min(genus.whorls, 2)]
    ]  # fmt: skip
    height = {"cone": 1.9, "boss": 0.8, "brush": 1.2}.get(genus.centre, 0.35) * disc
    return join([*rings, _boss(plant.centre, disc, height, detail, rng)])


def corolla(genus: Genus, radius: Array, depth: Array, plant: Specimen, detail: int, rng: Generator) -> Mesh:
    """Fused petals: a surface of revolution from ``radius [K]`` over ``depth [K]``, its rim cut into lobes."""
    sides = genus.petal_count * (2, 4, 8)[detail]
    turn = np.linspace(0, 2 * np.pi, sides + 1)
    lobes = np.abs(np.cos(turn * genus.petal_count / 2)) ** 0.7
    late = np.linspace(0, 1, len(radius))[:, None] ** 4
    reach = 1.0 - genus.lobe_depth * 0.6 * (1.0 - lobes)[None] * late
    out = radius[:, None] * (reach if radius[-1] > 0.7 else 1.0)
    rise = depth[:, None] * (1.0 if radius[-1] > 0.7 else reach)
    points = np.stack([out * np.cos(turn), out * np.sin(turn), rise + 0.0 * out], axis=-1)
    paint = petal_paint(genus, plant, len(radius) - 1, genus.petal_count * 2, rng)
    columns = (np.arange(sides) * genus.petal_count * 2) // sides
    paint = paint[:, columns]
    paint[..., :3] *= np.linspace(0.5, 1.0, len(paint))[:, None, None]  # a dark throat
    return sheet(points, paint)


def _bell(genus: Genus, plant: Specimen, detail: int, rng: Generator, pitch: float) -> Mesh:
    """A bell: deeper than wide, its mouth flared or narrowed."""
    t = np.linspace(0, 1, (4, 7, 18)[detail])
    flare = 0.35 - 0.45 * pitch
    radius = 0.62 * (np.sin(np.pi / 2 * np.minimum(1, t * 1.7 + 0.05)) ** 0.8 + flare * t**5)
    body = corolla(genus, radius, genus.tube_depth * (t - 0.5), plant, detail, rng)
    clapper = _stamens(plant, 4, genus.tube_depth * 0.9, 0.2, rng)
    return join([body, copies(clapper, turn_z(np.zeros(1)), 1.0, np.array([[0, 0, -0.45 * genus.tube_depth]]))])


def _trumpet(genus: Genus, plant: Specimen, detail: int, rng: Generator, pitch: float) -> Mesh:
    """A long tube that opens into a flat, lobed mouth."""
    t = np.linspace(0, 1, (5, 8, 20)[detail])
    radius = 0.12 + 0.9 * np.clip((t - 0.35) / 0.65, 0, 1) ** 1.7
    depth = genus.tube_depth * np.minimum(t, 0.8) * 1.2 - 0.25 * np.clip(t - 0.8, 0, 1) * (1 - pitch) * 3
    body = corolla(genus, radius, depth - genus.tube_depth * 0.8, plant, detail, rng)
    return join([body, _stamens(plant, 3, 0.4, 0.25, rng)])


def _cup(genus: Genus, plant: Specimen, detail: int, rng: Generator, pitch: float) -> Mesh:
    """A tulip's cup: broad petals that stand up and close inwards."""
    blade = _blade(genus, plant, detail, rng, width=max(0.34, genus.petal_width), curl=0.9 - pitch)
    count = min(max(genus.petal_count, 4), 8)
    outer = whorl(blade, count, 0.55 + 0.35 * pitch, rng, disorder=plant.disorder)
    inner = whorl(blade, count, 0.75 + 0.35 * pitch, rng, disorder=plant.disorder, start=np.pi / count)
    return join([outer, copies(inner, turn_z(np.zeros(1)), 0.85), _centre(genus, plant, min(detail, 1), rng)])


def _brush(genus: Genus, plant: Specimen, detail: int, rng: Generator, pitch: float) -> Mesh:
    """A thistle's head: a brush of threads over a cup of bracts."""
    count = (26, 60, 170)[detail]
    azimuth, lean = rng.uniform(0, 2 * np.pi, count), (0.75 + 0.9 * genus.lobe_depth) * np.sqrt(rng.random(count))
    aim = np.stack([np.sin(lean) * np.cos(azimuth), np.sin(lean) * np.sin(azimuth), np.cos(lean)], axis=-1)
    t = np.linspace(0.15, 1, 4)[None, :, None]
    paths = t * aim[:, None] * rng.uniform(0.8, 1.05, (count, 1, 1)) + np.array([0, 0, -0.3])
    tint = (plant.petal * rng.uniform(0.75, 1.1, (count, 1)))[:, None, None, :]
    paint = np.concatenate([tint, np.full_like(tint[..., :1], 0.05)], axis=-1)
    threads = tubes(paths, np.full((count, 4), 0.016 + 0.01 * genus.petal_width), paint, 3)
    bract = sheet(petal("acuminate", "plain", 0.3, 4, 2, cup=0.2, curl=0.8, ruffle=0, skew=0), _solid(plant.leaf))
    bracts = copies(whorl(bract, 9, 0.5, rng, disorder=1), turn_z(np.zeros(1)), 0.6, np.array([[0, 0, -0.55]]))
    return join([threads, bracts, _boss(plant.leaf * 0.8, 0.42, -0.7, min(detail, 1), rng)])


def _corona(genus: Genus, plant: Specimen, detail: int, rng: Generator, pitch: float) -> Mesh:
    """A narcissus: a whorl of petals behind a cup of the accent colour."""
    back = whorl(_blade(genus, plant, detail, rng), min(genus.petal_count, 8), 0.4 * pitch, rng,
                 disorder=plant.disorder)  # fmt: skip
    t, turn = np.linspace(0, 1, 5)[:, None], np.linspace(0, 2 * np.pi, (9, 17, 33)[detail])[None]
    wave = 1 + genus.petal_ruffle * 1.5 * t * np.sin(turn * 8)
    out = (genus.centre_size + 0.12) * (0.6 + 0.6 * t**2) * wave
    high = genus.tube_depth * 0.5 * t + 0.0 * turn
    cup = sheet(np.stack([out * np.cos(turn), out * np.sin(turn), high], axis=-1), _solid(plant.accent))
    return join([back, _dots(cup, rng, 0.12), _stamens(plant, 6, 0.3, 0.4, rng)])


def _spathe(genus: Genus, plant: Specimen, detail: int, rng: Generator, pitch: float) -> Mesh:
    """An arum: one large bract around a column."""
    outline = genus.petal_outline if genus.petal_outline in {"ovate", "round", "acuminate"} else "cordate"
    blade = _blade(genus, plant, max(detail, 1), rng, outline=outline, tip="plain", width=0.42, curl=-0.7 - pitch)
    bract = copies(blade, turn_x(np.array([0.9 + 0.4 * pitch])), 1.7, np.array([[0, -0.6, -0.5]]))
    column = _boss(plant.centre, 0.15 * genus.inner_share * 1.5, 0.8 + genus.centre_size * 2, detail, rng)
    return join([bract, copies(column, turn_x(np.array([-0.7])), 1.0, np.array([[0, -0.5, -0.4]]))])


def _lipped(genus: Genus, plant: Specimen, detail: int, rng: Generator, pitch: float) -> Mesh:
    """Two-sided flowers: each part has its own azimuth (0 is up), size, width, pitch and outline."""
    wide = genus.petal_width
    parts: tuple[tuple[float, float, float, float, str, str], ...]
    match genus.lip:
        case "orchid":
            side = 1.1 + 0.5 * genus.inner_share
            parts = (
                *((a, 0.95, wide * 0.7, pitch * 0.5, "lanceolate", "none") for a in (0.0, 2.2, -2.2)),
                *((a, 0.9, wide * 1.5, 0.15, genus.petal_outline, "none") for a in (side, -side)),
                (np.pi, 0.75 + 0.4 * genus.lobe_depth, 0.25 + wide, 0.5, "clawed", "spots"),
            )
        case "pea":
            parts = (
                (0.0, 1.1, 0.62, 0.55, "round", genus.marking),
                *((a, 0.85, 0.3 + 0.4 * wide, 0.9, "obovate", "none") for a in (2.5, -2.5)),
                (np.pi, 0.8, 0.22, 1.1, "obovate", "tip"),
            )
        case "hooded":
            parts = (
                (0.0, 1.1, 0.3 + wide * 0.5, 1.0, "ovate", "none"),
                *((a, 0.6, 0.24, 0.3, "ovate", "none") for a in (1.6, -1.6)),
                (np.pi, 1.0, 0.3 + wide, 0.1, "obovate", "streak"),
            )
        case _:
            parts = (
                *((a, 1.0, 0.34 + wide * 0.4, 0.1, "obovate", "none") for a in (0.5, -0.5)),
                *((a, 0.85, 0.3 + wide * 0.3, 0.2, "obovate", "streak") for a in (1.7, -1.7)),
                (np.pi, 0.9, 0.5, 0.2, "obovate", "eye"),
            )
    meshes = []
    for order, (azimuth, size, width, rise, outline, marking) in enumerate(parts):
        tip = genus.petal_tip if azimuth == np.pi else "plain"
        curl = (-1.2 if azimuth == np.pi else genus.petal_curl * 0.5) + (
            1.5 if genus.lip == "hooded" and order == 0 else 0
        )
        blade = _blade(genus, plant, detail, rng, outline=outline, tip=tip, width=width, curl=curl, marking=marking)
        angle = np.array([azimuth + rng.normal(0, 0.05 * plant.disorder)])
        turn = turn_z(angle) @ turn_x(np.array([rise + rng.normal(0, 0.08 * plant.disorder)]))
        meshes.append(copies(blade, turn, size, np.array([[0.0, 0.0, 0.05 * order]])))
    meshes.append(copies(_boss(plant.accent, 0.13, 0.2, min(detail, 1), rng), turn_z(np.zeros(1)), 1.0,
                         np.array([[0, 0, 0.12]])))  # fmt: skip
    return join(meshes)


_BUILDERS = {
    "open": _open,
    "daisy": _daisy,
    "bell": _bell,
    "trumpet": _trumpet,
    "lipped": _lipped,
    "cup": _cup,
    "brush": _brush,
    "corona": _corona,
    "spathe": _spathe,
}


def _sepals(genus: Genus, plant: Specimen, rng: Generator) -> Mesh:
    """Green leaves of the calyx behind the petals."""
    blade = sheet(petal("lanceolate", "plain", 0.17, 5, 2, cup=0.3, curl=0.4, ruffle=0, skew=0), _solid(plant.leaf))
    ring = whorl(blade, min(genus.petal_count, 8), -0.1, rng, disorder=1.0, start=np.pi / genus.petal_count)
    back = -0.12 if genus.form not in {"bell", "trumpet"} else -0.5 * genus.tube_depth
    return copies(ring, turn_z(np.zeros(1)), 0.95 if back > -0.2 else 0.5, np.array([[0, 0, back]]))


def build_flower(genus: Genus, plant: Specimen, detail: int, rng: Generator) -> Mesh:
    """An open flower at ``detail`` 0 (a few pixels) .. 2 (fills the picture)."""
    body = _BUILDERS[genus.form](genus, plant, detail, rng, genus.petal_pitch + plant.opening)
    return join([body, _sepals(genus, plant, rng)]) if genus.sepals else body


def build_bud(plant: Specimen, rng: Generator) -> Mesh:
    """A closed bud of about half a flower's size."""
    bud = sheet(dome(0.28, 0.8, 4, 7), _solid(plant.petal * 0.55 + plant.leaf * 0.45))
    calyx = sheet(petal("lanceolate", "plain", 0.3, 4, 2, cup=0.8, curl=0.7, ruffle=0, skew=0), _solid(plant.leaf))
    return join([_dots(bud, rng, 0.12), copies(whorl(calyx, 4, 1.0, rng, disorder=1), turn_z(np.zeros(1)), 0.6)])


__all__ = ["build_bud", "build_flower"]
