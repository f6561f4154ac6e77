"""Where the pictures of an AVIF lie (ISO/IEC 14496-12, 8.11: ``iinf`` names items, ``iloc`` places them)."""

import struct
from collections.abc import Iterator

from galao.errors import BrokenPicture
from galao.pictures.headers.boxes import Span, inside

MOST_ITEMS = 4096
MOST_EXTENTS = 64


def pictures(data: bytes) -> Iterator[bytes]:
    """The coded bytes of each AV1 item, and of each track from its first sample on."""
    coded = set(_coded_items(data))
    for span in inside(data, "meta/iloc"):
        drawers = next(inside(data, "meta/idat"), (0, 0))
        for item, extents in _places(Reader(data, span), drawers[0]):
            if item in coded:
                yield b"".join(data[start : start + length if length else None] for start, length in extents)
    for name, form in (("stco", ">L"), ("co64", ">Q")):
        for start, _ in inside(data, f"moov/trak/mdia/minf/stbl/{name}"):
            (first,) = struct.unpack_from(form, data, start + 8)
            yield data[first:]


class Reader:
    """Big-endian numbers, one after the other; ``struct.error`` behind the box's end."""

    def __init__(self, data: bytes, span: Span) -> None:
        self.data, (self.at, self.end) = data, span

    def read(self, size: int) -> int:
        """A number of ``size`` bytes."""
        if self.at + size > self.end:
            raise struct.error("behind the end of the box")
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "big")


def _coded_items(data: bytes) -> Iterator[int]:
    for start, end in inside(data, "meta/iinf"):
        first = start + (6 if data[start] == 0 else 8)
        for entry in inside(data, "infe", (first, end)):
            reader = Reader(data, entry)
            item = _item_number(reader, wide=reader.read(4) >> 24 > 2)
            reader.read(2)
            if reader.read(4) == int.from_bytes(b"av01", "big"):
                yield item


def _item_number(reader: Reader, *, wide: bool) -> int:
    return reader.read(4 if wide else 2)


def _places(reader: Reader, drawers: int) -> Iterator[tuple[int, list[Span]]]:
    """Each item's number and its extents as (start, length); length 0 means up to the end of the file."""
    version = reader.read(4) >> 24
    sizes = reader.read(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(_at_most(MOST_ITEMS, _item_number(reader, wide=version > 1))):
        item = _item_number(reader, wide=version > 1)
        in_drawers = version > 0 and reader.read(2) & 15 == 1
        reader.read(2)
        base = reader.read(base_size) + (drawers if in_drawers else 0)
        extents = []
        for _ in range(_at_most(MOST_EXTENTS, reader.read(2))):
            reader.read(index_size if version > 0 else 0)
            extents.append((base + reader.read(offset_size), reader.read(length_size)))
        yield item, extents


def _at_most(most: int, count: int) -> int:
    if count > most:
        raise BrokenPicture(f"has a table of {count} items; at most {most} are read")
    return count
