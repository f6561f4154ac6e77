"""EXIF, as far as a picture's orientation goes.

A broken EXIF block is no reason to refuse a picture: whatever cannot be read counts as upright. Pillow's own
reader parses (and keeps) every tag of a block, warns about odd ones, and also believes XMP and PNG text; we
read one number.
"""

import struct

ORIENTATION = 0x0112
MOST_ENTRIES = 1000
SHORT, LONG = 3, 4


def orientation(block: bytes) -> int:
    """EXIF's orientation, 1..8, of a block with or without its ``Exif`` mark; 1 where there is none."""
    tiff = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        value = _first_value(tiff, order)
    except struct.error:
        return 1
    return value if 1 <= value <= 8 else 1


def _first_value(tiff: bytes, order: str) -> int:
    (start,) = struct.unpack_from(order + "L", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, start)
    for entry in range(min(count, MOST_ENTRIES)):
        tag, kind = struct.unpack_from(order + "HH", tiff, start + 2 + 12 * entry)
        if tag == ORIENTATION and kind in {SHORT, LONG}:
            form = "H" if kind == SHORT else "L"
            return int(struct.unpack_from(order + form, tiff, start + 10 + 12 * entry)[0])
    return 1
