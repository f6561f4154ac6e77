"""A photo-like picture of one plant: ``draw(genus, view, seed, size)``."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageChops, ImageFilter

from galao.pictures.flora.camera import develop
from galao.pictures.flora.flower import build_bud, build_flower
from galao.pictures.flora.genus import Genus
from galao.pictures.flora.growth import Growth, Head, Site, Stem, grow
from galao.pictures.flora.leaf import build_leaf
from galao.pictures.flora.mesh import Array, Mesh, along, copies, facing, join, tubes
from galao.pictures.flora.paint import Light, Polygons, View, fill, look, make_light, place, project
from galao.pictures.flora.scene import far_background, ground, ground_shadow, in_front, landscape
from galao.pictures.flora.specimen import Specimen, grow_specimen

ViewName = Literal["closeup", "plant", "stalk"]
VIEWS: tuple[ViewName, ...] = get_args(ViewName)
_FINE = 2  # the plant is drawn at twice the size and reduced: smooth edges
_ASPECTS = ((4, 3), (3, 4), (1, 1))


def _frame(size: int, rng: Generator) -> tuple[int, int]:
    """Width and height in pixels; the short side is ``size``."""
    wide, high = _ASPECTS[int(rng.choice(3, p=[0.4, 0.4, 0.2]))]
    short = min(wide, high)
    return round(size * wide / short), round(size * high / short)


def _aim_closeup(growth: Growth, rng: Generator) -> tuple[Array, float, float, float]:
    """Target, radius, yaw and pitch to fill the frame with one inflorescence, seen more or less from its front."""
    head: Head = growth.heads[int(rng.integers(len(growth.heads)))]
    ahead = head.direction
    yaw = float(np.arctan2(ahead[0], ahead[2])) + rng.normal(0, 0.4)
    pitch = float(
        np.clip(np.arcsin(np.clip(ahead[1], -1, 1)) * rng.uniform(0.3, 0.95) + rng.normal(0, 0.2), -0.5, 1.35)
    )
    target = head.centre + rng.normal(0, 0.16, 3) * head.radius
    return target, head.radius * rng.uniform(0.6, 1.15), yaw, pitch


def _aim_plant(growth: Growth, low: bool, rng: Generator) -> tuple[Array, float, float, float]:
    """Target, radius, yaw and pitch to see the plant from head to foot."""
    sites = growth.leaves + growth.flowers
    reach = [site.position + site.direction * site.size * 0.6 for site in sites]
    places = np.concatenate([reach, *(stem.path for stem in growth.stems)])
    bottom, top = np.percentile(places, 3, axis=0), np.percentile(places, 97, axis=0)
    target = (bottom + top) / 2 + rng.normal(0, 0.05, 3)
    radius = float(np.max(top - bottom)) / 2 * rng.uniform(0.85, 1.4)
    pitch = rng.uniform(0.45, 1.2) if low else rng.uniform(0.0, 0.6)
    return target, radius, rng.uniform(-np.pi, np.pi), pitch


def _aim_stalk(growth: Growth, low: bool, rng: Generator) -> tuple[Array, float, float, float]:
    """Target, radius, yaw and pitch to look at stem and leaves, the flowers mostly out of the frame."""
    spine = growth.spines[int(rng.integers(len(growth.spines)))]
    target = spine[int(len(spine) * rng.uniform(0.2, 0.6))] * (np.array([0.3, 0.12, 0.3]) if low else 1.0)
    longest = max(site.size for site in growth.leaves) if growth.leaves else 0.2
    radius = float(np.clip(longest * rng.uniform(0.8, 1.35), 0.14, 0.5))
    pitch = rng.uniform(0.5, 1.25) if low else rng.uniform(-0.1, 0.7)
    return target, radius, rng.uniform(-np.pi, np.pi), pitch


def _make_view(genus: Genus, growth: Growth, view: ViewName, frame: tuple[int, int], rng: Generator) -> View:
    """The camera for one of the three kinds of picture, at the fine size."""
    low = genus.habit in {"rosette", "mat"}
    if view == "closeup":
        target, radius, yaw, pitch = _aim_closeup(growth, rng)
    elif view == "plant":
        target, radius, yaw, pitch = _aim_plant(growth, low, rng)
    else:
        target, radius, yaw, pitch = _aim_stalk(growth, low or genus.habit == "tuft", rng)
    width, height = frame[0] * _FINE, frame[1] * _FINE
    scale = min(width, height) / 2 / radius * 0.92
    rotation = look(yaw, pitch, rng.normal(0, 0.12))
    return View(target, rotation, scale, width, height, distance=radius * rng.uniform(3.0, 7.0))


def _visible(sites: Sequence[Site], view: View, reach: float) -> list[Site]:
    """The sites that may show in the frame; an organ reaches ``reach`` times its size."""
    if not sites:
        return []
    pixels, depth = place(np.array([site.position for site in sites]), view)
    extra = np.array([site.size for site in sites]) * reach * view.scale * 1.4 + 4
    inside = (pixels > -extra[:, None]) & (pixels < np.array([view.width, view.height]) + extra[:, None])
    near = depth < 0.7 * view.distance
    return [site for site, ok in zip(sites, inside.all(axis=1) & near, strict=True) if ok]


def _detail(size: float, view: View, steps: tuple[float, float]) -> int:
    """How finely to build an organ of ``size`` unit lengths."""
    pixels = size * view.scale
    return int(pixels > steps[0]) + int(pixels > steps[1])


def _afford(build: Callable[[int], Mesh], detail: int, count: int, most: int) -> Mesh:
    """What ``build`` makes at ``detail`` or coarser, so that ``count`` copies have about ``most`` quadrilaterals."""
    mesh = build(detail)
    while detail > 0 and len(mesh.quads) * count > most:
        detail -= 1
        mesh = build(detail)
    return mesh


def _tints(count: int, plant: Specimen, rng: Generator) -> Array:
    """Brightness and a hint of colour for each of ``count`` organs."""
    return np.asarray(rng.normal(1, 0.08 * plant.disorder, (count, 1)) * rng.normal(1, 0.025, (count, 3)))


def _leaves(genus: Genus, plant: Specimen, sites: Sequence[Site], view: View, rng: Generator) -> list[Mesh]:
    """Leaves at ``sites``, cut from three patterns that differ in width and droop."""
    meshes = []
    for start in range(3):
        group = sites[start::3]
        if not group:
            continue
        kin = replace(
            plant, stretch=plant.stretch * rng.uniform(0.9, 1.1), wilt=min(1, plant.wilt * rng.uniform(0.5, 1.4))
        )
        detail = _detail(max(site.size for site in group), view, (50.0, 130.0))
        turns = along(np.array([site.direction for site in group]), rng.normal(0, 0.3, len(group)))
        sizes, places = np.array([site.size for site in group]), np.array([site.position for site in group])
        pattern = _afford(partial(build_leaf, genus, kin, rng=rng), detail, len(group), 5000)
        meshes.append(copies(pattern, turns, sizes, places, _tints(len(group), plant, rng)))
    return meshes


def _flowers(genus: Genus, plant: Specimen, sites: Sequence[Site], view: View, rng: Generator) -> list[Mesh]:
    """Flowers at ``sites``, from two patterns; two-sided ones keep their top up."""
    meshes = []
    for start in range(2):
        group = sites[start::2]
        if not group:
            continue
        kin = replace(plant, opening=plant.opening + rng.normal(0, 0.08))
        detail = _detail(max(site.size for site in group), view, (22.0, 62.0))
        spin = 0.12 if genus.form in {"lipped", "spathe"} else 2.0
        turns = facing(np.array([site.direction for site in group]), rng.normal(0, spin, len(group)))
        sizes, places = np.array([site.size for site in group]), np.array([site.position for site in group])
        pattern = _afford(partial(build_flower, genus, kin, rng=rng), detail, len(group), 6000)
        meshes.append(copies(pattern, turns, sizes, places, _tints(len(group), plant, rng)))
    return meshes


def _buds(plant: Specimen, sites: Sequence[Site], rng: Generator) -> list[Mesh]:
    """Closed buds at ``sites``."""
    if not sites:
        return []
    turns = facing(np.array([site.direction for site in sites]), rng.normal(0, 2, len(sites)))
    sizes, places = np.array([site.size * 0.9 for site in sites]), np.array([site.position for site in sites])
    return [copies(build_bud(plant, rng), turns, sizes, places)]


def _stems(genus: Genus, plant: Specimen, stems: Sequence[Stem], rng: Generator) -> list[Mesh]:
    """All stems, grouped by their number of points; hairy ones with bristles."""
    meshes = []
    paint = np.append(plant.stem, genus.gloss * 0.5)
    for points in sorted({len(stem.path) for stem in stems}):
        group = [stem for stem in stems if len(stem.path) == points]
        share = np.linspace(0, 1, points)
        radii = np.array([stem.base + (stem.tip - stem.base) * share for stem in group])
        meshes.append(tubes(np.array([stem.path for stem in group]), radii, paint, 6 if points > 6 else 3))
        if genus.hairy and points > 6:
            meshes.append(_bristles(group, plant, rng))
    return meshes


def _bristles(stems: Sequence[Stem], plant: Specimen, rng: Generator) -> Mesh:
    """Short pale hairs all along ``stems``."""
    roots = np.concatenate([np.repeat(stem.path, 7, axis=0) for stem in stems])
    roots = roots + rng.uniform(-0.5, 0.5, (len(roots), 1)) * np.array([0.0, 0.06, 0.0])
    out = rng.normal(0, 1, roots.shape)
    ends = roots + out / np.linalg.norm(out, axis=1, keepdims=True) * stems[0].base * 2.2
    pale = np.append(plant.stem * 0.5 + 0.45, 0.0)
    return tubes(np.stack([roots, ends], axis=1), np.full((len(roots), 2), 0.0007), pale, 3)


def _aside(leaves: Sequence[Site], view: View, rng: Generator) -> list[Site]:
    """Without most of the leaves that a photographer would bend aside: those between camera and target."""
    if not leaves:
        return []
    tips = np.array([site.position + site.direction * site.size * 0.5 for site in leaves])
    _, depth = place(tips, view)
    keep = (depth < 0.08 * view.distance) | (rng.random(len(leaves)) < 0.1)
    return [site for site, ok in zip(leaves, keep, strict=True) if ok]


def _assemble(genus: Genus, plant: Specimen, growth: Growth, view: View, rng: Generator, *, clear: bool) -> Mesh:
    """The mesh of everything that may show in the frame; ``clear``: nothing much stands before the target."""
    leaf_sites = _aside(_visible(growth.leaves, view, 1.2), view, rng) if clear else _visible(growth.leaves, view, 1.2)
    flower_sites = _visible(growth.flowers, view, 1.6)
    parts = [
        *_leaves(genus, plant, leaf_sites, view, rng),
        *_flowers(genus, plant, flower_sites, view, rng),
        *_buds(plant, _visible(growth.buds, view, 1.0), rng),
        *_stems(genus, plant, growth.stems, rng),
    ]
    return join(parts)


def _backdrop(view: View, name: ViewName, rng: Generator) -> tuple[Image.Image, bool]:
    """What lies behind the plant, at the picture's own size, and whether the plant's shadow falls on it."""
    width, height = view.width // _FINE, view.height // _FINE
    tilt = float(np.arcsin(view.rotation[2, 1]))
    if name == "closeup":
        return far_background(width, height, rng), False
    if tilt > 0.55:
        return ground(width, height, rng), True
    if name == "stalk":
        return (far_background if rng.random() < 0.7 else ground)(width, height, rng), False
    return landscape(width, height, float(rng.uniform(0.25, 0.75)), rng), True


def _compose(
    polygons: Polygons, backdrop: Image.Image, shadow: Image.Image | None, view: View, blur: float
) -> Image.Image:
    """The plant over its background; what is far behind the focus is painted first and blurred."""
    behind = polygons.depth < -0.28 * view.distance if blur else np.zeros(len(polygons.depth), bool)
    if shadow is not None:
        backdrop = ImageChops.multiply(backdrop, Image.merge("RGB", [shadow] * 3))
    if behind.any():
        backdrop = backdrop.convert("RGBA")
        fill(backdrop, polygons.corners[behind] / _FINE, polygons.inks[behind])
        backdrop = backdrop.filter(ImageFilter.GaussianBlur(blur))
    canvas = backdrop.convert("RGBA").resize((view.width, view.height), Image.Resampling.BILINEAR)
    fill(canvas, polygons.corners[~behind], polygons.inks[~behind])
    return canvas.reduce(_FINE).convert("RGB")


def _shadow(mesh: Mesh, view: View, light: Light, rng: Generator) -> Image.Image:
    """The plant's shadow on the ground, as a factor for the background."""
    strength = float(np.clip(light.sun_colour[1] - 0.5, 0.15, 0.62))
    mask = ground_shadow(mesh, view, light, float(rng.uniform(1.0, 3.5)))
    return mask.point([round(255 - strength * level) for level in range(256)])


def draw(genus: Genus, view: ViewName, seed: int, size: int) -> Image.Image:
    """An upright RGB picture of a plant of ``genus``, its short side ``size`` pixels.

    ``view`` is ``closeup`` (a flower or inflorescence fills the frame), ``plant`` (from head to foot) or
    ``stalk`` (stem and leaves). The same arguments give the same pixels (on one machine: other processors may
    round the last bit of a sine otherwise).
    """
    rng = np.random.default_rng([zlib.crc32(view.encode()), genus.number, seed])
    plant = grow_specimen(genus, rng)
    growth = grow(genus, plant, rng)
    camera = _make_view(genus, growth, view, _frame(size, rng), rng)
    light = make_light(rng)
    mesh = _assemble(genus, plant, growth, camera, rng, clear=view == "closeup")
    backdrop, shaded = _backdrop(camera, view, rng)
    shadow = _shadow(mesh, camera, light, rng) if shaded else None
    blur = float(rng.uniform(0.6, 3.0)) if view != "plant" else 0.0
    picture = _compose(project(mesh, camera, light), backdrop, shadow, camera, blur)
    front = in_front(picture.width, picture.height, rng)
    if front is not None:
        picture.paste(front, (0, 0), front)
    return develop(picture, rng)
