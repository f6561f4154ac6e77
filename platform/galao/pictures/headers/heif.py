"""AVIF and HEIC: boxes of the ISO base media format (ISO/IEC 14496-12, 23008-12).

Size: the largest ``ispe`` (a picture's size; grids and their tiles have one each). The EXIF item is hidden from the
codec: Pillow would parse all of it, and these formats turn pictures by properties of their own, not by EXIF.
"""

import struct
from collections.abc import Iterator

from galao.errors import BrokenPicture
from galao.pictures.headers.header import Header

AVIF_BRANDS = {b"avif", b"avis"}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
MOST_SIZES = 10_000


def kind(data: bytes) -> str | None:
    """``avif`` or ``heif`` by the brands in the file's first box, or None."""
    if data[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    return "avif" if brands & AVIF_BRANDS else "heif" if brands & HEIC_BRANDS else None


def read(data: bytes) -> Header:
    """The header of an AVIF or HEIC; ``BrokenPicture`` where it tells no size."""
    try:
        sizes, items = _sizes(data), _items(data)
    except struct.error as error:
        raise BrokenPicture("ends inside its header") from error
    if not sizes:
        raise BrokenPicture("tells no size")
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    hidden = b"".join([data[: items[0]], data[slice(*items)].replace(b"Exif", b"free"), data[items[1] :]])
    return Header(kind(data) or "heif", width, height, hidden)


def _sizes(data: bytes) -> list[tuple[int, int]]:
    sizes: list[tuple[int, int]] = []
    for start, end in _inside(data, b"iprp", b"ipco", b"ispe"):
        if end - start >= 12 and len(sizes) < MOST_SIZES:
            width, height = struct.unpack_from(">2L", data, start + 4)
            sizes.append((width, height))
    return sizes


def _items(data: bytes) -> tuple[int, int]:
    """Where the list of items (``iinf``) lies."""
    return next(_inside(data, b"iinf"), (0, 0))


def _inside(data: bytes, *path: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the content of every box at ``meta`` / path."""
    for start, end in _named(data, 0, len(data), b"meta"):
        yield from _descend(data, start + 4, end, path)


def _descend(data: bytes, start: int, end: int, path: tuple[bytes, ...]) -> Iterator[tuple[int, int]]:
    for inner, inner_end in _named(data, start, end, path[0]):
        if len(path) == 1:
            yield inner, inner_end
        else:
            yield from _descend(data, inner, inner_end, path[1:])


def _named(data: bytes, at: int, end: int, wanted: bytes) -> Iterator[tuple[int, int]]:
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
