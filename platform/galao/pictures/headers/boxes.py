"""Boxes of the ISO base media format (ISO/IEC 14496-12): a length, a name, a content, nested."""

import struct
from collections.abc import Iterator

Span = tuple[int, int]
"""Start and end of a box's content."""


def inside(data: bytes, path: str, within: Span | None = None) -> Iterator[Span]:
    """Every box at a path such as ``meta/iprp/ipco/ispe``; ``meta`` has four bytes before its first child."""
    name, _, rest = path.partition("/")
    for start, end in _children(data, within or (0, len(data)), name.encode()):
        if rest:
            yield from inside(data, rest, (start + 4 if name == "meta" else start, end))
        else:
            yield start, end


def _children(data: bytes, within: Span, wanted: bytes) -> Iterator[Span]:
    at, end = within
    while at + 8 <= end:
        length, name = struct.unpack_from(">L4s", data, at)
        start = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        stop = end if length == 0 else min(at + length, end)
        if stop < start:
            return
        if name == wanted:
            yield start, stop
        at = stop
