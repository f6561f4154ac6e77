"""PNG: its chunks.

Kept for the codec: IHDR, PLTE, tRNS, IDAT, IEND. Dropped: text and profiles (which may unpack to a thousand
times their size), an animation's further frames, everything private. eXIf is read for its orientation.
"""

import struct
import zlib
from collections.abc import Iterator

from galao.errors import BrokenPicture
from galao.pictures.headers import exif
from galao.pictures.headers.header import Header

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = {b"PLTE", b"IDAT", b"IEND"}
GREY, RGB = 0, 2


def read(data: bytes) -> Header:
    """The header of a PNG; ``BrokenPicture`` where its first chunk is not IHDR."""
    if data[12:16] != b"IHDR" or data[8:12] != b"\0\0\0\x0d" or len(data) < 33:
        raise BrokenPicture("does not start with a PNG header")
    width, height, depth, colour = struct.unpack_from(">LLBB", data, 16)
    kept, upright = [data[:33]], 1
    for name, start, end in _chunks(data, 33):
        if name in KEPT:
            kept.append(data[start:end])
        elif name == b"tRNS":
            kept.append(_in_eight_bits(data[start:end], depth, colour))
        elif name == b"eXIf" and upright == 1:
            upright = exif.orientation(data[start + 8 : end - 4])
    return Header("png", width, height, b"".join(kept), upright)


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk up to IEND; the last may be cut short."""
    name = b""
    while name != b"IEND" and at + 8 <= len(data):
        length, name = struct.unpack_from(">L4s", data, at)
        yield name, at, at + 12 + length
        at += 12 + length


def _in_eight_bits(chunk: bytes, depth: int, colour: int) -> bytes:
    """A transparent colour, brought to the 8 bits in which Pillow looks for it (2 and 4 bits grey, 16 bits RGB)."""
    if colour == GREY and depth in {2, 4} and len(chunk) >= 14:
        (value,) = struct.unpack_from(">H", chunk, 8)
        return _chunk(b"tRNS", struct.pack(">H", value * 255 // (2**depth - 1) & 255))
    if colour == RGB and depth == 16 and len(chunk) >= 18:
        return _chunk(b"tRNS", struct.pack(">3H", *(value >> 8 for value in struct.unpack_from(">3H", chunk, 8))))
    return chunk


def _chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">L4s", len(payload), name) + payload + struct.pack(">L", zlib.crc32(name + payload))
