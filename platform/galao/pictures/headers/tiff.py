"""TIFF: the first picture's directory, with only the tags that say where and how its pixels lie.

The directory is written anew in its old place, so that the codec meets nothing else: no EXIF, no maker's notes, no
further pages, no tag larger than the file, no thousand tags that all point to the same megabytes.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from galao.errors import BrokenPicture, UnsupportedPicture
from galao.pictures.headers.header import Header

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS, STRIP_BYTES, PLANES = 273, 274, 277, 278, 279, 284
PREDICTOR, PALETTE, TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTES = 317, 320, 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES, YCBCR_WEIGHTS, YCBCR_SAMPLING, YCBCR_WHERE, BLACK_WHITE = (
    338, 339, 347, 529, 530, 531, 532,
)  # fmt: skip
DNG_VERSION = 50706

ONE_VALUE = {
    WIDTH, LENGTH, COMPRESSION, PHOTOMETRIC, FILL_ORDER, ORIENTATION, SAMPLES, ROWS, PLANES, PREDICTOR,
    TILE_WIDTH, TILE_LENGTH, YCBCR_WHERE, DNG_VERSION,
}  # fmt: skip
MANY_VALUES = {
    BITS, STRIP_OFFSETS, STRIP_BYTES, PALETTE, TILE_OFFSETS, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES,
    YCBCR_WEIGHTS, YCBCR_SAMPLING, BLACK_WHITE,
}  # fmt: skip
BYTES_OF_TYPE = {1: 1, 3: 2, 4: 4, 5: 8, 7: 1}
FORM_OF_TYPE = {1: "B", 3: "H", 4: "L"}
COMPRESSIONS = {1: "none", 5: "LZW", 7: "JPEG", 8: "deflate", 32773: "packbits", 32946: "deflate"}
"""Not accepted: fax, LZMA, ZSTD, WebP, LERC (scans and maps, not photos), JPEG of the old style (never one format)."""
MOST_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class Tag:
    """One entry of the directory: its 12 bytes, and its value's type and bytes."""

    entry: bytes
    kind: int
    value: bytes


def read(data: bytes) -> Header:
    """The header of a TIFF; ``BrokenPicture`` or ``UnsupportedPicture`` where it is none that can be decoded."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        tags = _tags(data, order)
        numbers = {tag: _numbers(found, order) for tag, found in tags.items()}
        width, height = numbers[WIDTH][0], numbers[LENGTH][0]
        _check(numbers, len(data), width * height)
    except (struct.error, KeyError, IndexError) as error:
        raise BrokenPicture("has a directory that is cut short or lacks what a picture needs") from error
    upright = (numbers.get(ORIENTATION) or [1])[0]
    return Header("tiff", width, height, _with_directory(data, order, tags), upright if 1 <= upright <= 8 else 1)


def _tags(data: bytes, order: str) -> dict[int, Tag]:
    """The tags that pixels depend on; each must lie within the file, all together must not be longer than it."""
    (start,) = struct.unpack_from(order + "L", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    tags: dict[int, Tag] = {}
    for number in range(min(count, MOST_ENTRIES)):
        at = start + 2 + 12 * number
        tag, kind, values = struct.unpack_from(order + "HHL", data, at)
        if tag in tags or tag not in ONE_VALUE | MANY_VALUES or kind not in BYTES_OF_TYPE:
            continue
        size = values * BYTES_OF_TYPE[kind]
        place = at + 8 if size <= 4 else struct.unpack_from(order + "L", data, at + 8)[0]
        tags[tag] = Tag(data[at : at + 12], kind, data[place : place + size])
        _check_tag(tag, tags[tag], size, values)
    if sum(len(tag.value) for tag in tags.values()) > len(data):
        raise BrokenPicture("has tags that overlap")
    return tags


def _check_tag(tag: int, found: Tag, size: int, values: int) -> None:
    if len(found.value) < size:
        raise BrokenPicture(f"has a tag ({tag}) that reaches beyond its end")
    if not values or (tag in ONE_VALUE - {DNG_VERSION} and values != 1):
        raise BrokenPicture(f"has a tag ({tag}) with {values} values instead of one")


def _numbers(tag: Tag, order: str) -> list[int]:
    form = FORM_OF_TYPE.get(tag.kind)
    return [] if form is None else [number for (number,) in struct.iter_unpack(order + form, tag.value)]


def _check(numbers: Mapping[int, list[int]], size: int, pixels: int) -> None:
    if DNG_VERSION in numbers:
        raise UnsupportedPicture("is a camera's raw file: save it as JPEG")
    compression = numbers.get(COMPRESSION, [1])[0]
    if compression not in COMPRESSIONS:
        known = ", ".join(dict.fromkeys(COMPRESSIONS.values()))
        raise UnsupportedPicture(f"is a TIFF with compression {compression}; read are {known}: save it as JPEG")
    packed = sum(numbers.get(STRIP_BYTES, [])) + sum(numbers.get(TILE_BYTES, []))
    if compression != 1 and packed > size:
        raise BrokenPicture("has strips that overlap or reach beyond its end")
    tile = numbers.get(TILE_WIDTH, [0])[0] * numbers.get(TILE_LENGTH, [0])[0]
    if tile > 4 * pixels + 1024 * 1024:
        raise BrokenPicture("has tiles that are far larger than the picture")


def _with_directory(data: bytes, order: str, tags: Mapping[int, Tag]) -> bytes:
    """The file with the directory shortened to ``tags``; the orientation is left out, for it is applied by us."""
    entries = [tags[tag].entry for tag in sorted(tags) if tag != ORIENTATION]
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
    (start,) = struct.unpack_from(order + "L", data, 4)
    return data[:start] + directory + data[start + len(directory) :]
