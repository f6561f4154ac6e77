"""BMP: size and compression."""

import struct

from galao.errors import BrokenPicture, UnsupportedPicture
from galao.pictures.headers.header import Header

OLD_HEADER = 12
RUN_LENGTHS = {1, 2}
MOST_RUN_BYTES = 1024 * 1024
"""Pillow unpacks run lengths in Python, a microsecond a run; no photo is stored that way."""


def read(data: bytes) -> Header:
    """The header of a BMP; ``BrokenPicture`` where it is cut short."""
    if len(data) < 34:
        raise BrokenPicture("ends inside its header")
    (size,) = struct.unpack_from("<L", data, 14)
    form = "<2H" if size == OLD_HEADER else "<2l"
    width, height = struct.unpack_from(form, data, 18)
    (compression,) = struct.unpack_from("<L", data, 30)
    if size != OLD_HEADER and compression in RUN_LENGTHS and len(data) > MOST_RUN_BYTES:
        raise UnsupportedPicture("is a run-length BMP of more than 1 MiB: save it as PNG")
    return Header("bmp", width, abs(height), data)
