"""Coloured quadrilaterals in space: what every organ of a plant is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mesh:
    """N quadrilaterals: ``quads [N,4,3]`` corners, ``paint [N,4]`` red, green, blue in 0..1 and gloss."""

    quads: Array
    paint: Array


def empty() -> Mesh:
    """A mesh of nothing."""
    return Mesh(np.zeros((0, 4, 3)), np.zeros((0, 4)))


def join(meshes: Sequence[Mesh]) -> Mesh:
    """All quadrilaterals of ``meshes`` in one mesh."""
    if not meshes:
        return empty()
    return Mesh(np.concatenate([one.quads for one in meshes]), np.concatenate([one.paint for one in meshes]))


def sheet(points: Array, paint: Array) -> Mesh:
    """Grids of ``points [...,U+1,V+1,3]`` as quadrilaterals; ``paint`` broadcasts to ``[...,U,V,4]``."""
    corners = (points[..., :-1, :-1, :], points[..., 1:, :-1, :], points[..., 1:, 1:, :], points[..., :-1, 1:, :])
    quads = np.stack(corners, axis=-2)
    return Mesh(quads.reshape(-1, 4, 3), np.broadcast_to(paint, (*quads.shape[:-2], 4)).reshape(-1, 4))


def copies(
    mesh: Mesh, turns: Array, scales: Array | float = 1.0, offsets: Array | float = 0.0, tints: Array | None = None
) -> Mesh:
    """M copies of ``mesh``: turned by ``turns [M,3,3]``, scaled ``[M]``, moved ``[M,3]``, tinted ``[M,3]``."""
    many, count = len(turns), len(mesh.quads)
    flat = mesh.quads.reshape(-1, 3) @ np.swapaxes(turns, 1, 2)
    flat = flat * np.broadcast_to(scales, (many,))[:, None, None] + np.broadcast_to(offsets, (many, 3))[:, None, :]
    paint = np.repeat(mesh.paint[None], many, axis=0)
    if tints is not None:
        paint[..., :3] *= tints[:, None, :]
    return Mesh(flat.reshape(many * count, 4, 3), paint.reshape(many * count, 4))


def turn_x(angles: Array) -> Array:
    """Rotations about x, ``[M,3,3]``: y turns towards z."""
    cos, sin, one, nil = np.cos(angles), np.sin(angles), np.ones_like(angles), np.zeros_like(angles)
    return np.stack([one, nil, nil, nil, cos, -sin, nil, sin, cos], axis=-1).reshape(-1, 3, 3)


def turn_y(angles: Array) -> Array:
    """Rotations about y, ``[M,3,3]``: z turns towards x."""
    cos, sin, one, nil = np.cos(angles), np.sin(angles), np.ones_like(angles), np.zeros_like(angles)
    return np.stack([cos, nil, sin, nil, one, nil, -sin, nil, cos], axis=-1).reshape(-1, 3, 3)


def turn_z(angles: Array) -> Array:
    """Rotations about z, ``[M,3,3]``: x turns towards y."""
    cos, sin, one, nil = np.cos(angles), np.sin(angles), np.ones_like(angles), np.zeros_like(angles)
    return np.stack([cos, -sin, nil, sin, cos, nil, nil, nil, one], axis=-1).reshape(-1, 3, 3)


def unit(vectors: Array) -> Array:
    """``vectors [...,3]`` at length one."""
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    length = np.sqrt(x * x + y * y + z * z)
    return np.asarray(vectors / np.maximum(length, 1e-9)[..., None])


def cross(a: Array, b: Array) -> Array:
    """The cross product of ``a [N,3]`` and ``b [N,3]``; on short axes quicker than NumPy's."""
    ax, ay, az, bx, by, bz = a[:, 0], a[:, 1], a[:, 2], b[:, 0], b[:, 1], b[:, 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def facing(directions: Array, rolls: Array) -> Array:
    """Rotations that turn z to ``directions [M,3]``, then roll about it by ``rolls [M]``."""
    ahead = unit(directions)
    helper = np.where(np.abs(ahead[:, 1:2]) > 0.95, [[0.0, 0.0, -1.0]], [[0.0, 1.0, 0.0]])
    right = unit(np.cross(helper, ahead))
    up = np.cross(ahead, right)
    return np.stack([right, up, ahead], axis=-1) @ turn_z(rolls)


def along(directions: Array, rolls: Array) -> Array:
    """Rotations that turn y to ``directions [M,3]`` with z as near to the sky as can be, then roll about y."""
    ahead = unit(directions)
    helper = np.where(np.abs(ahead[:, 1:2]) > 0.97, [[0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]])
    right = unit(np.cross(ahead, helper))
    up = np.cross(right, ahead)
    return np.stack([right, ahead, up], axis=-1) @ turn_y(rolls)


def tubes(paths: Array, radii: Array, paint: Array, sides: int = 5) -> Mesh:
    """Round stems along ``paths [M,K,3]`` with ``radii [M,K]``; ``paint`` broadcasts to ``[M,K-1,sides,4]``."""
    ahead = unit(np.gradient(paths, axis=1))
    helper = np.where(np.abs(ahead[..., 2:3]) > 0.9, [1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    right = unit(np.cross(ahead, helper))
    up = np.cross(ahead, right)
    turn = np.linspace(0, 2 * np.pi, sides + 1)[:, None]
    ring = right[:, :, None] * np.cos(turn) + up[:, :, None] * np.sin(turn)
    return sheet(paths[:, :, None] + ring * radii[:, :, None, None], paint)


def dome(radius: float, height: float, rings: int, sides: int) -> Array:
    """Points ``[rings+1,sides+1,3]`` of a dome that rises to z = ``height`` over the origin."""
    climb = np.linspace(np.pi / 2, 0.0, rings + 1)[:, None]
    turn = np.linspace(0, 2 * np.pi, sides + 1)[None]
    out = radius * np.sin(climb)
    return np.stack(np.broadcast_arrays(out * np.cos(turn), out * np.sin(turn), height * np.cos(climb)), axis=-1)
