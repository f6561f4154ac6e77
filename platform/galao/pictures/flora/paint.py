"""From a mesh in space to polygons in a picture: view, light, cast shadows, order of painting."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from galao.pictures.flora.mesh import Array, Mesh, cross, turn_x, turn_y, turn_z, unit


@dataclass(frozen=True, slots=True)
class View:
    """A camera: looks at ``target`` from the front turned by ``rotation``; ``scale`` is pixels per unit length."""

    target: Array
    rotation: Array  # [3,3], world to camera: x right, y up, z towards the camera
    scale: float
    width: int  # pixels
    height: int
    distance: float  # from the target, unit lengths


@dataclass(frozen=True, slots=True)
class Light:
    """Sun and sky: where the sun stands (world), and the linear colours of both."""

    sun: Array
    sun_colour: Array
    sky_colour: Array


@dataclass(frozen=True, slots=True)
class Polygons:
    """Projected quadrilaterals, far ones first: corners ``[N,8]`` in pixels, packed RGBA ``[N]``, depth ``[N]``."""

    corners: Array
    inks: NDArray[np.int64]
    depth: Array


def look(yaw: float, pitch: float, roll: float) -> Array:
    """World-to-camera rotation ``[3,3]``: turned by ``yaw``, from above by ``pitch``, tilted by ``roll``."""
    turn = turn_z(np.array([roll])) @ turn_x(np.array([pitch])) @ turn_y(np.array([-yaw]))
    return np.asarray(turn[0])


def make_light(rng: Generator) -> Light:
    """Sun or overcast, high or low, warm or cool."""
    direction = unit(np.array([rng.normal(0, 0.8), rng.uniform(0.5, 1.6), rng.normal(0.35, 0.7)]))
    sunny = rng.uniform(0.0, 1.0)
    warm = rng.normal(0, 0.07)
    sun = (0.55 + 0.9 * sunny) * np.array([1.05 + warm, 1.0, 0.93 - warm])
    sky = (0.62 - 0.3 * sunny) * np.array([0.93, 0.99, 1.08 + 0.5 * max(warm, 0)])
    return Light(direction, sun, sky)


def place(points: Array, view: View) -> tuple[Array, Array]:
    """Pixels ``[...,2]`` and depth ``[...]`` (larger is nearer) of world ``points [...,3]``."""
    local = (points - view.target) @ view.rotation.T
    depth = local[..., 2]
    zoom = view.scale / np.maximum(1.0 - depth / view.distance, 0.15)
    x = view.width / 2 + zoom * local[..., 0]
    y = view.height / 2 - zoom * local[..., 1]
    return np.stack([x, y], axis=-1), depth


def cast_shadow(quads: Array, sun: Array, cells: int = 110) -> Array:
    """How much of the sun reaches each of ``quads [N,4,3]``, 0..1, from a coarse depth map seen by the sun."""
    right = unit(np.cross(sun, np.array([0.31, 0.17, 0.93])))
    up = np.cross(sun, right)
    corners = quads.reshape(-1, 3)
    across, along, depth = corners @ right, corners @ up, corners @ sun
    extent = max(float(np.ptp(across)), float(np.ptp(along))) + 1e-9
    column, row = ((axis - axis.min()) / extent * (cells - 1) for axis in (across, along))
    index = column.astype(np.int64) * cells + row.astype(np.int64)
    nearest = np.full(cells * cells, -np.inf)
    np.maximum.at(nearest, index, depth)
    hidden = nearest[index] - depth > 0.035 * extent
    dark = hidden.reshape(-1, 4).astype(np.float64)
    return np.asarray(1.0 - (dark[:, 0] + dark[:, 1] + dark[:, 2] + dark[:, 3]) / 4)


def shade(mesh: Mesh, view: View, light: Light) -> Array:
    """Colours, sRGB ``[N,3]`` in 0..1, of a mesh in the light: reflected, shining through, glossy, ambient."""
    quads = mesh.quads
    normal = unit(cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1]))
    eye = view.rotation[2]
    to_eye = normal @ eye
    normal = np.where(to_eye[:, None] < 0, -normal, normal)
    lit = normal @ light.sun
    through = np.where(lit > 0, lit, -0.55 * lit)
    sun = through * cast_shadow(quads, light.sun)
    open_sky = 0.5 + 0.5 * cast_shadow(quads, np.array([0.0, 1.0, 0.0]), cells=60)
    ambient = (0.66 + 0.34 * normal[:, 1]) * open_sky
    albedo = mesh.paint[:, :3] ** 2.2
    linear = albedo * (sun[:, None] * light.sun_colour + ambient[:, None] * light.sky_colour)
    half = unit(light.sun + eye)
    linear += (mesh.paint[:, 3] * np.maximum(normal @ half, 0) ** 18 * sun)[:, None] * light.sun_colour
    return np.asarray(np.clip(linear, 0, 1) ** (1 / 2.2))


def project(mesh: Mesh, view: View, light: Light) -> Polygons:
    """The polygons of ``mesh`` in the picture, sorted for painting; what lies outside is left out."""
    pixels, depths = place(mesh.quads, view)
    one, two, three, four = (pixels[:, corner] for corner in range(4))
    low = np.minimum(np.minimum(one, two), np.minimum(three, four))
    high = np.maximum(np.maximum(one, two), np.maximum(three, four))
    seen = (high[:, 0] > 0) & (high[:, 1] > 0) & (low[:, 0] < view.width) & (low[:, 1] < view.height)
    seen &= depths[:, 0] < 0.75 * view.distance
    colours = shade(mesh, view, light)[seen]
    depth = (depths[:, 0] + depths[:, 1] + depths[:, 2] + depths[:, 3])[seen] / 4
    order = np.argsort(depth, kind="stable")
    red, green, blue = np.round(colours[order] * 255).astype(np.int64).T
    inks = red | green << 8 | blue << 16 | 255 << 24
    return Polygons(pixels[seen][order].reshape(-1, 8), inks, depth[order])


def fill(image: Image.Image, corners: Array, inks: NDArray[np.int64]) -> None:
    """Paint polygons ``corners [N,8]`` in order, each with its packed ink, onto ``image``."""
    pen = ImageDraw.Draw(image)
    for corner, ink in zip(corners.tolist(), inks.tolist(), strict=True):
        pen.polygon(corner, ink)
