"""Where a plant's stems run and where its leaves and flowers sit; y points to the sky, the root is the origin."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from galao.pictures.flora.genus import Genus
from galao.pictures.flora.mesh import Array
from galao.pictures.flora.specimen import Specimen

GOLDEN = 2.399963
UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, slots=True)
class Site:
    """One leaf or flower: where it starts, which way it points, how long (leaf) or wide (flower radius) it is."""

    position: Array
    direction: Array
    size: float


@dataclass(frozen=True, slots=True)
class Stem:
    """A path ``[K,3]`` with its radius at both ends."""

    path: Array
    base: float
    tip: float


@dataclass(frozen=True, slots=True)
class Head:
    """One inflorescence, for the camera to aim at."""

    centre: Array
    direction: Array
    radius: float


@dataclass(slots=True)
class Growth:
    """All of one plant."""

    stems: list[Stem] = field(default_factory=list)
    leaves: list[Site] = field(default_factory=list)
    flowers: list[Site] = field(default_factory=list)
    buds: list[Site] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    spines: list[Array] = field(default_factory=list)


def unit(vector: Array) -> Array:
    """``vector [3]`` at length one (plain floats: many short calls)."""
    x, y, z = vector.tolist()
    return vector / max(math.sqrt(x * x + y * y + z * z), 1e-9)


def _radial(ahead: Array, azimuth: float) -> Array:
    """The direction at ``azimuth`` around ``ahead [3]``, which has length one."""
    x, y, z = ahead.tolist()
    rx, ry, rz = (0.0, -z, y) if abs(x) < 0.8 else (-y, x, 0.0)
    length = math.sqrt(rx * rx + ry * ry + rz * rz)
    rx, ry, rz = rx / length, ry / length, rz / length
    cos, sin = math.cos(azimuth), math.sin(azimuth)
    up = (y * rz - z * ry, z * rx - x * rz, x * ry - y * rx)
    return np.array([cos * rx + sin * up[0], cos * ry + sin * up[1], cos * rz + sin * up[2]])


def breadth(genus: Genus) -> float:
    """How broad the leaves are, from needles (0) to full blades (0.6)."""
    return {"needle": 0.0, "linear": 0.05, "strap": 0.12, "lanceolate": 0.18, "feathery": 0.3}.get(genus.leaf_kind, 0.6)


class Grower:
    """Grows one specimen; every method adds to ``growth``."""

    def __init__(self, genus: Genus, plant: Specimen, rng: Generator) -> None:
        self.genus, self.plant, self.rng = genus, plant, rng
        self.growth = Growth()

    def stem(self, base: Array, aim: Array, length: float, sway: float = 0.12, radius: float = 1.0) -> Array:
        """Add a stem that starts along ``aim`` and leans; its path ``[K,3]``."""
        t = np.linspace(0, 1, 12)[:, None]
        side = _radial(unit(aim), self.rng.uniform(0, 2 * np.pi))
        path = base + t * length * unit(aim) + side * length * self.rng.normal(0, sway) * t**2
        if self.genus.zigzag:
            path = path + 0.018 * length * side * (np.arange(12) % 2)[:, None]
        thick = self.genus.stem_radius * radius
        self.growth.stems.append(Stem(path, thick, thick * 0.55))
        self.growth.spines.append(path)
        return np.asarray(path)

    def leaf(self, base: Array, direction: Array, size: float) -> None:
        """Add a leaf with its stalk."""
        size *= self.plant.leaf_scale * float(self.rng.normal(1.0, 0.09 * self.plant.disorder))
        ahead = unit(direction + self.rng.normal(0, 0.09 * self.plant.disorder, 3))
        start = base + ahead * size * self.genus.petiole
        if self.genus.petiole:
            thin = self.genus.stem_radius * 0.45
            self.growth.stems.append(Stem(np.linspace(base, start, 3), thin, thin * 0.8))
        self.growth.leaves.append(Site(start, ahead, size))

    def leaves_along(self, path: Array, start: float, stop: float, scale: float = 1.0, crowd: float = 1.0) -> None:
        """Add leaves at the nodes between two shares of ``path``; ``crowd`` above 1 keeps broad ones apart."""
        genus, rng = self.genus, self.rng
        length = float(np.linalg.norm(path[-1] - path[0]))
        broad = breadth(genus)
        each = {"alternate": 1, "opposite": 2, "whorled": 4 if broad < 0.3 else 3}[genus.arrangement]
        own_light = (0.0, 0.8, 1.2, 1.6, 1.9)[each] * broad * genus.leaf_length * scale
        step = max(genus.internode * (0.45 if broad == 0.0 else 1.0), crowd * own_light)
        nodes = np.arange(start, stop, step / length * (0.7 if each == 1 else 1.0))
        turn = GOLDEN if each == 1 else np.pi / each
        first = rng.uniform(0, 2 * np.pi)
        for order, at in enumerate(nodes):
            spot = at * (len(path) - 1)
            low = int(spot)
            place = path[low] + (path[min(low + 1, len(path) - 1)] - path[low]) * (spot - low)
            ahead = unit(path[min(low + 1, len(path) - 1)] - path[max(low - 1, 0)])
            for arm in range(each):
                if rng.random() < 0.07:
                    continue
                out = _radial(ahead, first + order * turn + arm * 2 * np.pi / each)
                aim = np.cos(genus.leaf_angle) * out + np.sin(genus.leaf_angle) * ahead
                self.leaf(place, aim, genus.leaf_length * scale * (1.0 - 0.45 * at))

    def basal_leaves(self, count: int, low: float, high: float, scale: float) -> None:
        """Add leaves from the root that rise by ``low`` .. ``high`` radians; broad ones are fewer."""
        count = max(5, round(count * (1.0 - 0.75 * breadth(self.genus))))
        first = self.rng.uniform(0, 2 * np.pi)
        for order in range(count):
            rise = high - (high - low) * (order + 0.5) / count + self.rng.normal(0, 0.08)
            out = _radial(UP, first + order * GOLDEN)
            aim = np.cos(rise) * out + np.sin(rise) * UP
            size = self.genus.leaf_length * scale * (0.65 + 0.35 * (order + 1) / count) * 1.3
            self.leaf((0.015 + 0.16 * breadth(self.genus) * size) * out, aim, size * (1.0 - 0.3 * breadth(self.genus)))

    def flower(self, position: Array, direction: Array, size: float, stalk_from: Array, *, bud: bool = False) -> None:
        """Add a flower or a bud with its pedicel."""
        size *= float(self.rng.normal(1.0, 0.06))
        group = self.growth.buds if bud or self.rng.random() > self.plant.bloom * 1.25 else self.growth.flowers
        group.append(Site(position, unit(direction + self.rng.normal(0, 0.1, 3)), size))
        thin = min(self.genus.stem_radius, size * 0.12)
        middle = (stalk_from + position) / 2 + 0.12 * np.linalg.norm(position - stalk_from) * UP
        back = position - 0.1 * size * unit(direction)
        self.growth.stems.append(Stem(np.stack([stalk_from, middle, back]), thin, thin))

    def inflorescence(self, base: Array, aim: Array, scale: float = 1.0) -> None:
        """Add the genus's inflorescence on top of a stem that ends at ``base`` along ``aim``."""
        known = len(self.growth.flowers), len(self.growth.buds)
        size = self.genus.flower_radius * self.plant.flower_scale * scale
        _INFLORESCENCES[self.genus.inflorescence](self, base, unit(aim), size)
        sites = self.growth.flowers[known[0] :] + self.growth.buds[known[1] :]
        if not sites:
            return
        places = np.array([site.position for site in sites])
        centre = (places.min(axis=0) + places.max(axis=0)) / 2
        radius = float(np.linalg.norm(places - centre, axis=1).max() + sites[0].size)
        direction = unit(np.mean([site.direction for site in sites], axis=0) + 1e-6)
        self.growth.heads.append(Head(centre, direction, radius))

    def nod(self, ahead: Array, azimuth: float, angle: float | None = None) -> tuple[Array, Array]:
        """The way out at ``azimuth`` and the direction of a flower that nods there by the genus's angle."""
        out = _radial(ahead, azimuth)
        tilt = self.genus.flower_nod if angle is None else angle
        return out, np.asarray(np.cos(tilt) * ahead + np.sin(tilt) * out)


def _solitary(grower: Grower, base: Array, ahead: Array, size: float) -> None:
    _, direction = grower.nod(ahead, grower.rng.uniform(0, 2 * np.pi))
    grower.flower(base + ahead * 0.3 * size + direction * 0.3 * size, direction, size, base)
    if not grower.growth.flowers:  # a lone plant shows at least one open flower
        grower.growth.flowers.append(grower.growth.buds.pop())


def _pair(grower: Grower, base: Array, ahead: Array, size: float) -> None:
    first = grower.rng.uniform(0, 2 * np.pi)
    for arm in range(2):
        out, direction = grower.nod(ahead, first + arm * np.pi)
        grower.flower(base + ahead * 1.4 * size + out * 1.1 * size, direction, size, base)


def _raceme(grower: Grower, base: Array, ahead: Array, size: float) -> None:
    count = int(15 * grower.genus.flower_crowding)
    length = count * size * 0.52
    top = base + ahead * length
    grower.growth.stems.append(Stem(np.linspace(base, top, 6), grower.genus.stem_radius * 0.6, 0.002))
    for order in range(count):
        at = order / count
        out, direction = grower.nod(ahead, order * GOLDEN)
        root = base + ahead * length * at
        grower.flower(root + out * size * (1.3 - 0.7 * at), direction, size * (1 - 0.5 * at), root, bud=at > 0.8)


def _spike(grower: Grower, base: Array, ahead: Array, size: float) -> None:
    count = int(44 * grower.genus.flower_crowding)
    length = count * size * 0.26
    for order in range(count):
        at = order / count
        out, direction = grower.nod(ahead, order * GOLDEN, 1.25)
        root = base + ahead * length * at
        grower.flower(root + out * size * (0.9 - 0.5 * at), direction, size * (1 - 0.5 * at), root, bud=at > 0.85)


def _umbel(grower: Grower, base: Array, ahead: Array, size: float) -> None:
    count = int(15 * grower.genus.flower_crowding)
    for order in range(count):
        tilt = (0.55 + 0.6 * grower.genus.lobe_depth) * np.sqrt((order + 0.4) / count)
        _, direction = grower.nod(ahead, order * GOLDEN, tilt)
        grower.flower(base + direction * size * 3.6, direction, size, base)


def _ball(grower: Grower, base: Array, ahead: Array, size: float) -> None:
    count = int(42 * grower.genus.flower_crowding)
    for order in range(count):
        tilt = float(np.arccos(1 - 1.8 * (order + 0.5) / count))
        _, direction = grower.nod(ahead, order * GOLDEN, tilt)
        grower.flower(base + ahead * size * 2.2 + direction * size * 2.4, direction, size, base + ahead * size * 2.2)


def _panicle(grower: Grower, base: Array, ahead: Array, size: float) -> None:
    count = int(6 * grower.genus.flower_crowding) + 2
    length = count * size * 1.5
    grower.growth.stems.append(Stem(np.linspace(base, base + ahead * length, 5), grower.genus.stem_radius * 0.6, 0.002))
    for order in range(count):
        at = order / count
        _, lift = grower.nod(ahead, order * GOLDEN, 0.95)
        root, reach = base + ahead * length * at, size * 4.2 * (1 - 0.8 * at)
        grower.growth.stems.append(Stem(np.linspace(root, root + lift * reach, 3), 0.003, 0.002))
        for place in np.linspace(0.35, 1.0, 4):
            _, direction = grower.nod(ahead, order * GOLDEN + place * 9)
            spot = root + lift * reach * place
            grower.flower(spot + direction * 0.5 * size, direction, size, spot)


def _corymb(grower: Grower, base: Array, ahead: Array, size: float) -> None:
    count = int(8 * grower.genus.flower_crowding) + 2
    for order in range(count):
        out, direction = grower.nod(ahead, order * GOLDEN, 0.5 * np.sqrt(order / count))
        away = 1.35 * size * np.sqrt(order)
        root = base - ahead * away * 0.5
        grower.flower(base + ahead * (2.2 * size - 0.12 * away) + out * away, direction, size, root)


def _whorls(grower: Grower, base: Array, ahead: Array, size: float) -> None:
    tiers = int(3 * grower.genus.flower_crowding) + 2
    top = base + ahead * tiers * size * 2.1
    grower.growth.stems.append(Stem(np.linspace(base, top, 5), grower.genus.stem_radius * 0.7, 0.002))
    for tier in range(tiers):
        root = base + ahead * tier * size * 2.1
        for arm in range(7):
            out, direction = grower.nod(ahead, arm * 2 * np.pi / 7 + tier, 1.2)
            grower.flower(root + out * size * 1.1, direction, size * (1 - 0.1 * tier), root, bud=tier == tiers - 1)


def _secund(grower: Grower, base: Array, ahead: Array, size: float) -> None:
    count = int(9 * grower.genus.flower_crowding) + 2
    t = np.linspace(0, 1, count)[:, None]
    out = _radial(UP, grower.rng.uniform(0, 2 * np.pi))
    length = count * size * 1.0
    path = base + ahead * length * (t - 0.55 * t**2) + out * length * 0.75 * t**1.6
    grower.growth.stems.append(Stem(path, grower.genus.stem_radius * 0.6, 0.002))
    for order in range(1, count):
        direction = -UP + 0.5 * out + grower.rng.normal(0, 0.15, 3)
        spot = path[order] - UP * 0.8 * size
        grower.flower(spot, direction, size * (1 - 0.45 * order / count), path[order], bud=order > 0.8 * count)


_INFLORESCENCES = {
    "solitary": _solitary,
    "pair": _pair,
    "raceme": _raceme,
    "spike": _spike,
    "umbel": _umbel,
    "ball": _ball,
    "panicle": _panicle,
    "corymb": _corymb,
    "whorls": _whorls,
    "secund": _secund,
}


def _upright(grower: Grower) -> None:
    """One to three stems with leaves, each with flowers on top."""
    rng = grower.rng
    for _ in range(int(rng.integers(1, 4))):
        foot = np.append(rng.normal(0, 0.07, 2), 0.0)[[0, 2, 1]]
        path = grower.stem(foot, UP + rng.normal(0, 0.14, 3), rng.uniform(0.6, 0.82))
        grower.leaves_along(path, 0.08, 0.86)
        grower.inflorescence(path[-1], path[-1] - path[-2])


def _shrub(grower: Grower) -> None:
    """A stem with branches; leaves and flowers on all of them."""
    rng = grower.rng
    trunk = grower.stem(np.zeros(3), UP + rng.normal(0, 0.1, 3), rng.uniform(0.5, 0.65), radius=1.5)
    grower.leaves_along(trunk, 0.15, 0.9, 0.8)
    grower.inflorescence(trunk[-1], trunk[-1] - trunk[-2], 0.75)
    for order in range(int(rng.integers(3, 6))):
        start = trunk[int(rng.integers(2, 9))]
        aim = 0.8 * UP + _radial(UP, order * GOLDEN + rng.uniform(0, 1)) * rng.uniform(0.5, 1.0)
        path = grower.stem(start, aim, rng.uniform(0.28, 0.45))
        grower.leaves_along(path, 0.2, 0.9, 0.75)
        grower.inflorescence(path[-1], path[-1] - path[-2], 0.75)


def _scapes(grower: Grower, low: float, high: float) -> None:
    """Leafless stems from the root with flowers on top."""
    rng = grower.rng
    for _ in range(int(rng.integers(1, 4))):
        path = grower.stem(np.zeros(3), UP + rng.normal(0, 0.2, 3), rng.uniform(low, high))
        grower.inflorescence(path[-1], path[-1] - path[-2])


def _rosette(grower: Grower) -> None:
    """Leaves flat on the ground, flowers on bare stems."""
    grower.basal_leaves(int(grower.rng.integers(9, 17)), 0.05, 0.8, 1.15)
    _scapes(grower, 0.4, 0.6)


def _tuft(grower: Grower) -> None:
    """A clump of leaves that rise from the root, flowers among them."""
    grower.basal_leaves(int(grower.rng.integers(14, 26)), 0.75, 1.5, 1.7)
    _scapes(grower, 0.5, 0.75)


def _climber(grower: Grower) -> None:
    """A winding stem with leaves and flowers in their axils."""
    rng = grower.rng
    t = np.linspace(0, 1, 24)[:, None]
    phase = rng.uniform(0, 2 * np.pi)
    wind = np.concatenate([0.2 * np.sin(6 * t + phase), t, 0.12 * np.cos(6 * t + phase)], axis=1)
    path = wind + rng.normal(0, 0.15, 3) * t
    grower.growth.stems.append(Stem(path, grower.genus.stem_radius, grower.genus.stem_radius * 0.6))
    grower.growth.spines.append(path)
    grower.leaves_along(path, 0.05, 0.97)
    for node in rng.choice(np.arange(5, 24), size=5, replace=False):
        aim = _radial(UP, rng.uniform(0, 2 * np.pi)) + 0.8 * UP
        stalk = path[node] + unit(aim) * 0.08
        grower.growth.stems.append(Stem(np.stack([path[node], stalk]), 0.004, 0.004))
        grower.inflorescence(stalk, aim, 0.8)


def _mat(grower: Grower) -> None:
    """Stems that creep over the ground, their tips rising."""
    rng = grower.rng
    for order in range(int(rng.integers(5, 9))):
        out = _radial(UP, order * GOLDEN + rng.uniform(0, 0.6))
        path = grower.stem(0.02 * UP, out + 0.25 * UP, rng.uniform(0.3, 0.5), sway=0.2)
        path += UP * (np.linspace(0, 1, 12)[:, None] ** 3) * 0.08
        grower.leaves_along(path, 0.1, 0.97, 0.55, crowd=1.7)
        if order % 2 == 0 or rng.random() < 0.5:
            tip = path[-1] + 0.16 * UP + 0.03 * out
            grower.growth.stems.append(Stem(np.linspace(path[-1], tip, 3), 0.004, 0.003))
            grower.inflorescence(tip, UP + 0.3 * out, 0.8)


_HABITS = {
    "upright": _upright,
    "shrub": _shrub,
    "rosette": _rosette,
    "tuft": _tuft,
    "climber": _climber,
    "mat": _mat,
}


def grow(genus: Genus, plant: Specimen, rng: Generator) -> Growth:
    """A whole plant of ``genus``, about one unit high."""
    grower = Grower(genus, plant, rng)
    _HABITS[genus.habit](grower)
    return grower.growth
