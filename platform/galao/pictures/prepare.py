"""The TEST transform: an upright RGB picture -> the array a net reads; one code for training's test and for serving.

resize (short side, or squash) -> centre crop -> ``(pixel - mean) * scale`` -> ``[3, crop, crop]`` float32.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from galao.pictures.extent import extent

LONGEST = 8
"""A picture longer than 8:1 is cut to its middle 8:1 before it is enlarged or shrunk by its short side."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What happens to an upright RGB picture before the net reads it (pixels 0..255, sizes in pixels).

    Exactly one way of sizing, or none: ``short_side``, or ``new_height`` with ``new_width`` (squash: the
    picture's proportions are given up, as by Caffe's convert_imageset).
    ``out = (pixel - mean) * scale`` per channel, in the order red, green, blue (Caffe's order is BGR).
    An impossible combination is a ``ValueError``; whoever read it from a file (job, bundle) names the file.
    """

    crop_size: int
    short_side: int | None = None
    new_height: int | None = None
    new_width: int | None = None
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        _check_sizes(self)
        _check_channels("mean", self.mean)
        _check_channels("scale", self.scale)
        if 0.0 in self.scale:
            raise ValueError(f"preprocessing: scale {self.scale} holds a 0, which would wipe out a channel")

    @property
    def decode_side(self) -> int | None:
        """What to give ``decode(short_side=...)`` so that it decodes no more pixels than needed; None: all of them."""
        if self.new_height is not None and self.new_width is not None:
            return max(self.new_height, self.new_width)
        return self.short_side

    def to_json(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return {**asdict(self), "mean": list(self.mean), "scale": list(self.scale)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Preprocessing":
        """The inverse of ``to_json``; anything else is a ``ValueError`` of one line."""
        if not isinstance(fields, Mapping):
            raise ValueError(f"preprocessing: a table of fields is needed, not {fields!r}")
        names = set(cls.__dataclass_fields__)
        if set(fields) != names:
            wrong = sorted(map(str, set(fields) ^ names))
            raise ValueError(f"preprocessing: missing or unknown fields: {', '.join(wrong)}")
        channels = {name: _channels(name, fields[name]) for name in ("mean", "scale")}
        return cls(**{**fields, **channels})


def resize(image: Image.Image, how: Preprocessing) -> Image.Image:
    """The picture at the size that ``how`` asks for, bilinear with antialias; itself where nothing is to be done.

    The long side is rounded down, as in torchvision. ``reducing_gap`` stays off, so that the result depends on
    nothing but the pixels.
    """
    if how.new_height is not None and how.new_width is not None:
        return _resized(image, (how.new_width, how.new_height))
    if how.short_side is not None:
        return _by_short_side(image, how.short_side)
    return image


def centre_crop(image: Image.Image, size: int) -> Image.Image:
    """The middle ``size`` x ``size`` pixels, from ``floor((H - size) / 2)`` as in Caffe; smaller: enlarged first."""
    if min(image.size) < size:
        image = _by_short_side(image, size)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return image if image.size == (size, size) else image.crop((left, top, left + size, top + size))


def to_array(image: Image.Image, how: Preprocessing) -> NDArray[np.float32]:
    """``(pixel - mean) * scale`` as ``[3, H, W]`` float32, C-contiguous, channels red, green, blue."""
    if image.mode != "RGB":
        raise ValueError(f"to_array needs an RGB picture, not {image.mode}")
    pixels = np.asarray(image, dtype=np.float32)
    pixels = (pixels - np.asarray(how.mean, dtype=np.float32)) * np.asarray(how.scale, dtype=np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def prepare(image: Image.Image, how: Preprocessing) -> NDArray[np.float32]:
    """An upright RGB picture as the ``[3, crop_size, crop_size]`` float32 array that the net reads."""
    return to_array(square(image, how), how)


def square(image: Image.Image, how: Preprocessing) -> Image.Image:
    """The pixels that the net reads, still a picture: resized, and cropped at the centre."""
    return centre_crop(resize(image, how), how.crop_size)


def _by_short_side(image: Image.Image, side: int) -> Image.Image:
    image = _middle(image)
    left, top, right, bottom = extent(image)
    short, long = sorted((right - left, bottom - top))
    long_side = int(side * long // short)
    return _resized(image, (side, long_side) if right - left <= bottom - top else (long_side, side))


def _middle(image: Image.Image) -> Image.Image:
    """The middle 8:1 of a very long picture, else itself.

    A 16 x 1,000,000 strip is a small file, yet 14,000,000,000 bytes once its short side is 224; no crop looks so far.
    """
    width, height = (min(side, LONGEST * min(image.size)) for side in image.size)
    if (width, height) == image.size:
        return image
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.BILINEAR, box=extent(image), reducing_gap=None)


def _check_sizes(how: Preprocessing) -> None:
    sizes = {name: getattr(how, name) for name in ("crop_size", "short_side", "new_height", "new_width")}
    for name, size in sizes.items():
        if size is None and name != "crop_size":
            continue
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"preprocessing: {name} is {size!r}, but must be a whole number from 1")
        if size < how.crop_size:
            raise ValueError(f"preprocessing: {name} {size} is smaller than crop_size {how.crop_size}")
    if (how.new_height is None) != (how.new_width is None):
        raise ValueError("preprocessing: new_height and new_width go together: give both or none")
    if how.short_side is not None and how.new_height is not None:
        raise ValueError(
            "preprocessing: short_side and new_height/new_width exclude each other: give one way of sizing"
        )


def _check_channels(name: str, values: object) -> None:
    if not isinstance(values, tuple) or len(values) != 3 or not all(_is_number(value) for value in values):
        raise ValueError(f"preprocessing: {name} is {values!r}, but must be three finite numbers (red, green, blue)")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _channels(name: str, values: object) -> tuple[float, ...]:
    if not isinstance(values, list | tuple) or not all(_is_number(value) for value in values):
        raise ValueError(f"preprocessing: {name} is {values!r}, but must be three finite numbers (red, green, blue)")
    return tuple(float(value) for value in values)
