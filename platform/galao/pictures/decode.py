"""Bytes -> an upright RGB picture: the one decoder, for training and for serving."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from galao.errors import BrokenPicture, PictureError, TooLarge, TooSmall, UnsupportedPicture

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a picture may be: bytes of its file (None: no limit) and pixels of its header."""

    max_bytes: int | None = 8 * 1024 * 1024
    max_pixels: int = 40_000_000
    max_pixels_slow: int = 16_000_000
    min_side: int = 16


@dataclass(frozen=True, slots=True)
class Decoded:
    """An upright RGB picture; ``width`` and ``height`` are the file's own (upright), before any draft."""

    image: Image.Image
    width: int
    height: int
    format: str


def decode(source: bytes | Path, *, short_side: int | None = None, limits: Limits = Limits()) -> Decoded:
    """Decode one picture.

    Raises:
        UnsupportedPicture, BrokenPicture, TooLarge, TooSmall: with one line that says why.
        PictureError: a path that cannot be read.
    """
    name, data = _read(source, limits)
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            return _load(image, name, short_side, limits)
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        raise UnsupportedPicture(f"{name} is not a picture of an accepted kind") from error
    except Image.DecompressionBombError as error:
        raise TooLarge(f"{name} has too many pixels") from error
    except Exception as error:
        raise BrokenPicture(f"{name} does not decode: {error}") from error


def _read(source: bytes | Path, limits: Limits) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        name, data = "the picture", source
    else:
        name = str(source)
        try:
            data = source.read_bytes()
        except OSError as error:
            raise PictureError(f"{name}: cannot be read: {error.strerror}") from error
    if limits.max_bytes is not None and len(data) > limits.max_bytes:
        raise TooLarge(f"{name} has {len(data)} bytes, more than the limit of {limits.max_bytes}")
    return name, data


def _load(image: Image.Image, name: str, short_side: int | None, limits: Limits) -> Decoded:
    width, height = image.size
    slow = image.format not in {"JPEG", "MPO"} or "progressive" in image.info
    cap = limits.max_pixels_slow if slow else limits.max_pixels
    if width * height > cap:
        raise TooLarge(f"{name} is {width} x {height} pixels, more than the limit of {cap}")
    if min(width, height) < limits.min_side:
        raise TooSmall(f"{name} is {width} x {height} pixels; the shorter side must have {limits.min_side}")
    if short_side is not None:
        image.draft("RGB", (2 * short_side, 2 * short_side))
    orientation = image.getexif().get(274, 1)
    if orientation in {5, 6, 7, 8}:
        width, height = height, width
    kind = {"MPO": "jpeg"}.get(image.format or "", (image.format or "").lower())
    return Decoded(ImageOps.exif_transpose(image).convert("RGB"), width, height, kind)
