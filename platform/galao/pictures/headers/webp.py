"""WebP: the canvas, and EXIF's orientation.

libwebp sets aside two canvases as soon as it opens a file, so the size must be known before.
"""

import struct
from collections.abc import Iterator

from galao.errors import BrokenPicture
from galao.pictures.headers import exif
from galao.pictures.headers.header import Header


def read(data: bytes) -> Header:
    """The header of a WebP; ``BrokenPicture`` where its first chunk is no picture."""
    try:
        width, height = _canvas(data)
    except struct.error as error:
        raise BrokenPicture("ends inside its header") from error
    upright = 1
    for name, start, end in _chunks(data):
        if name == b"EXIF" and upright == 1:
            upright = exif.orientation(data[start:end])
    return Header("webp", width, height, data, upright)


def _canvas(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        wide, high = struct.unpack_from("<L", data, 24)[0], struct.unpack_from("<L", data, 26)[0]
        return (wide & 0xFFFFFF) + 1, (high >> 8) + 1
    if kind == b"VP8L" and data[20:21] == b"\x2f":
        (bits,) = struct.unpack_from("<L", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<2H", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise BrokenPicture("does not start with a WebP picture")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sL", data, at)
        yield name, at + 8, at + 8 + length
        at += 8 + length + length % 2
