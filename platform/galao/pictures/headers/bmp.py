"""BMP: size and compression."""

import struct

from galao.errors import BrokenPicture, UnsupportedPicture
from galao.pictures.headers.header import Header

OLD_HEADER = 12
RUN_LENGTHS = {1, 2}
MOST_RUN_BYTES, MOST_RUN_PIXELS = 1024 * 1024, 4_000_000
"""Pillow unpacks run lengths in Python, a microsecond a run and a fifth of one a pixel; no photo is stored that way."""


def read(data: bytes) -> Header:
    """The header of a BMP; ``BrokenPicture`` or ``UnsupportedPicture`` where it is none that can be decoded."""
    if len(data) < 34:
        raise BrokenPicture("ends inside its header")
    (size,) = struct.unpack_from("<L", data, 14)
    width, height = struct.unpack_from("<2H" if size == OLD_HEADER else "<2l", data, 18)
    (compression,) = struct.unpack_from("<L", data, 30)
    if size != OLD_HEADER and compression in RUN_LENGTHS:
        _check_runs(len(data), width * abs(height))
    return Header("bmp", width, abs(height), data)


def _check_runs(size: int, pixels: int) -> None:
    if size > MOST_RUN_BYTES or pixels > MOST_RUN_PIXELS:
        raise UnsupportedPicture("is a run-length BMP of more than 1 MiB or 4 megapixels: save it as PNG")
