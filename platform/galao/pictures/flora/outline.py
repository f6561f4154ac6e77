"""Blades, of petals and of leaves: outlines, tips, margins and the way they bend."""

import numpy as np

from galao.pictures.flora.mesh import Array

_CURVES = {  # half width ~ u^a (1-u)^b, as a botanist's silhouettes
    "ovate": (0.55, 0.95),
    "obovate": (1.15, 0.5),
    "lanceolate": (0.7, 1.0),
    "round": (0.5, 0.5),
    "strap": (0.22, 0.22),
    "acuminate": (0.7, 1.9),
    "linear": (0.2, 0.55),
    "cordate": (0.28, 0.9),
}


def half_width(outline: str, u: Array) -> Array:
    """The half width of ``outline`` at ``u`` (0 base, 1 tip), at most about one."""
    if outline == "clawed":
        head = np.clip((u - 0.35) / 0.65, 0.0, 1.0)
        return np.asarray(0.16 + 0.84 * np.sqrt(np.maximum(head * (1.0 - head), 0.0)) * 2.0) * (u < 1.0)
    if outline == "hastate":
        return np.where(u < 0.12, 0.8 + u, np.maximum(0.0, 0.62 * (1.0 - u) ** 0.8))
    a, b = _CURVES[outline]
    top = a / (a + b)
    return np.asarray(u**a * (1.0 - u) ** b / (top**a * (1.0 - top) ** b))


def tip_reach(tip: str, v: Array) -> Array:
    """How far the blade reaches at ``v`` (-1 .. 1 across), for tips that are not plain."""
    rounding = 1.0 - 0.2 * v * v
    if tip == "notched":
        return np.asarray(rounding - 0.24 * np.exp(-((v / 0.3) ** 2)))
    if tip == "cleft":
        return np.asarray(rounding - 0.55 * np.exp(-((v / 0.26) ** 2)))
    if tip == "toothed":
        return np.asarray(rounding - 0.2 * np.abs(np.mod(v * 1.5 + 1.0, 1.0) - 0.5) * 2.0)
    if tip == "fringed":
        return np.asarray(rounding - 0.34 * np.mod(np.round((v + 1.0) * 7.0), 2.0))
    return np.ones_like(v)


def grid(nu: int, nv: int) -> tuple[Array, Array]:
    """Corner coordinates ``u [nu+1,1]`` in 0..1 and ``v [1,nv+1]`` in -1..1."""
    return np.linspace(0.0, 1.0, nu + 1)[:, None], np.linspace(-1.0, 1.0, nv + 1)[None]


def cells(nu: int, nv: int) -> tuple[Array, Array]:
    """Middles of the cells of :func:`grid`."""
    return (np.arange(nu)[:, None] + 0.5) / nu, (np.arange(nv)[None] + 0.5) / nv * 2.0 - 1.0


def bend(points: Array, curl: float) -> Array:
    """Roll a blade that lies along y into an arc of ``curl`` radians a unit length, towards +z."""
    if abs(curl) < 1e-3:
        return points
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    cos, sin = np.cos(curl * y), np.sin(curl * y)
    return np.stack([x, sin / curl - z * sin, (1.0 - cos) / curl + z * cos], axis=-1)


def petal(
    outline: str, tip: str, width: float, nu: int, nv: int, *, cup: float, curl: float, ruffle: float, skew: float
) -> Array:
    """Points ``[nu+1,nv+1,3]`` of a petal of length one along y, its inner face to +z."""
    u, v = grid(nu, nv)
    plain = tip == "plain"
    wide = width * half_width(outline, u if plain else u * 0.8)
    x = wide * v + skew * u * u
    y = u * tip_reach(tip, v) if not plain else u + 0.0 * v
    wave = ruffle * u * v * v * np.sin(9.0 * u + 5.0 * v)
    z = cup * (wide * v) ** 2 / max(width, 0.1) + wave
    return bend(np.stack(np.broadcast_arrays(x, y, z), axis=-1), curl)


def margin_scale(margin: str, teeth: int, u: Array) -> Array:
    """What the margin makes of the half width at ``u``."""
    phase = np.mod(u * teeth, 1.0)
    if margin == "serrate":
        return np.asarray(1.0 - 0.22 * phase)
    if margin == "crenate":
        return np.asarray(0.86 + 0.18 * np.sin(np.pi * phase))
    if margin == "spiny":
        return np.asarray(1.12 - 0.42 * np.sin(np.pi * phase) ** 0.7)
    if margin == "lobed":
        return np.asarray(0.42 + 0.66 * np.sin(np.pi * phase) ** 1.3)
    return np.ones_like(u)


def leaf(outline: str, width: float, nu: int, nv: int, *, margin: str, teeth: int, fold: float, arch: float) -> Array:
    """Points ``[nu+1,nv+1,3]`` of a simple leaf blade of length one along y, its upper face to +z."""
    u, v = grid(nu, nv)
    edge = margin_scale(margin, teeth, u)
    wide = width * half_width(outline, u) * (1.0 + (edge - 1.0) * np.abs(v) ** (1 if margin == "lobed" else 4))
    back = {"cordate": 0.3, "hastate": 0.2}.get(outline, 0.0)
    y = u - back * np.abs(v) ** 1.3 * (1.0 - u) ** 4
    wave = 0.09 * np.abs(v) * np.sin(u * teeth * 2.2 + v) if margin == "wavy" else 0.0
    z = fold * np.abs(wide * v) + wave
    return bend(np.stack(np.broadcast_arrays(wide * v, y, z), axis=-1), arch)
