"""AVIF and HEIC (ISO/IEC 23008-12).

Size: the largest of all ``ispe`` boxes (a grid and its tiles have one each) and, in AVIF, of what the AV1 pictures
themselves say. The EXIF item is hidden from the codec: Pillow would parse all of it, and these formats turn pictures
by properties of their own, not by EXIF.
"""

import struct
from collections.abc import Iterator

from galao.errors import BrokenPicture
from galao.pictures.headers import av1
from galao.pictures.headers.boxes import inside
from galao.pictures.headers.header import Header
from galao.pictures.headers.items import pictures

AVIF_BRANDS = {b"avif", b"avis"}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def kind(data: bytes) -> str | None:
    """``avif`` or ``heif`` by the brands in the file's first box, or None."""
    if data[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    return "avif" if brands & AVIF_BRANDS else "heif" if brands & HEIC_BRANDS else None


def read(data: bytes) -> Header:
    """The header of an AVIF or HEIC; ``BrokenPicture`` where it tells no size."""
    name = kind(data) or "heif"
    try:
        told = list(_told(data))
        coded = [av1.largest(picture) for picture in pictures(data)] if name == "avif" else []
    except (struct.error, IndexError) as error:
        raise BrokenPicture("ends inside its header") from error
    if not told:
        raise BrokenPicture("tells no size")
    width, height = max(told + coded, key=lambda size: size[0] * size[1])
    return Header(name, width, height, _without_exif(data), slow=name == "avif")


def _told(data: bytes) -> Iterator[tuple[int, int]]:
    for start, _ in inside(data, "meta/iprp/ipco/ispe"):
        width, height = struct.unpack_from(">2L", data, start + 4)
        yield width, height


def _without_exif(data: bytes) -> bytes:
    start, end = next(inside(data, "meta/iinf"), (0, 0))
    return b"".join([data[:start], data[start:end].replace(b"Exif", b"free"), data[end:]])
