"""GIF: screen, palette and the first frame; comments and other extensions before it are dropped."""

import struct

from galao.errors import BrokenPicture
from galao.pictures.headers.header import Header

EXTENSION, FRAME, CONTROL = 0x21, 0x2C, 0xF9


def read(data: bytes) -> Header:
    """The header of a GIF; ``BrokenPicture`` where no frame follows."""
    if len(data) < 13:
        raise BrokenPicture("ends inside its header")
    screen = 13 + (3 << (data[10] & 7) + 1 if data[10] & 128 else 0)
    frame, control = _first_frame(data, screen)
    width, height = struct.unpack_from("<2H", data, 6)
    left, top, frame_width, frame_height = struct.unpack_from("<4H", data, frame + 1)
    size = max(width, left + frame_width), max(height, top + frame_height)
    return Header("gif", *size, data[:screen] + control + data[frame:])


def _first_frame(data: bytes, at: int) -> tuple[int, bytes]:
    """Where the first frame starts, and the graphic control block that belongs to it."""
    control = b""
    while at + 10 <= len(data):
        if data[at] == FRAME:
            return at, control
        if data[at] != EXTENSION:
            raise BrokenPicture("holds no frame")
        end = _end_of_blocks(data, at + 2)
        if data[at + 1] == CONTROL and data[at + 2] == 4 and end == at + 8:
            control = data[at:end]
        at = end
    raise BrokenPicture("ends before its first frame")


def _end_of_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1
