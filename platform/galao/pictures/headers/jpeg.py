"""JPEG (and MPO, a JPEG that more pictures follow): markers up to the first scan.

Kept for the codec: tables, frame, scans, JFIF and Adobe's mark (it tells YCCK from CMYK). Dropped: EXIF (read
for its orientation), ICC, XMP, comments, thumbnails and the table of an MPO's further pictures.
"""

import re
from collections.abc import Iterator

from galao.errors import BrokenPicture, UnsupportedPicture
from galao.pictures.headers import exif
from galao.pictures.headers.header import Header

MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]", re.DOTALL)
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
SEQUENTIAL = {0xC0, 0xC1}
LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}
JFIF, EXIF, ADOBE = 0xE0, 0xE1, 0xEE
TABLES = {0xC4, 0xCC, 0xDB, 0xDD}
SCAN, END = 0xDA, 0xD9

MOST_SEGMENTS = 2000
MOST_SCANS = 100
"""Each scan of a progressive JPEG goes over the whole picture: 100 bytes can cost a second. Cameras write ten."""


def read(data: bytes) -> Header:
    """The header of a JPEG; ``BrokenPicture`` or ``UnsupportedPicture`` where it is none that can be decoded."""
    kept, frame, upright = [data[:2]], b"", 1
    segments = _segments(data)
    for marker, start, end in segments:
        segment = data[start:end]
        if marker in FRAMES:
            frame = _only_frame(frame, segment)
        elif marker == EXIF and segment[4:10] == b"Exif\0\0":
            upright = exif.orientation(segment[4:]) if upright == 1 else upright
        if marker in FRAMES or marker in TABLES or (marker in {JFIF, ADOBE} and segment[4:9] in {b"JFIF\0", b"Adobe"}):
            kept.append(segment)
        if marker == SCAN and frame:
            slow = frame[1] not in SEQUENTIAL or data[start + 4] < frame[9]
            if slow:
                _check_scans(segments)
            return _header(frame, b"".join([*kept, data[start:]]), upright, slow)
    raise BrokenPicture("ends before its first pixel")


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment up to the end of the picture; entropy-coded data is passed over."""
    at = 2
    for _ in range(MOST_SEGMENTS):
        found = MARKER.search(data, at)
        if found is None or data[found.end() - 1] == END:
            return
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
        if at > len(data) or at < found.end() + 2:
            return
        yield data[found.end() - 1], found.start(), at
    raise BrokenPicture(f"has more than {MOST_SEGMENTS} segments in its header")


def _only_frame(before: bytes, segment: bytes) -> bytes:
    if before:
        raise BrokenPicture("has two frame headers")
    if len(segment) < 10:
        raise BrokenPicture("has a frame header that is cut short")
    if segment[4] != 8:
        raise UnsupportedPicture(f"is a JPEG of {segment[4]} bits; only 8 are read: save it as an ordinary JPEG")
    return segment


def _check_scans(segments: Iterator[tuple[int, int, int]]) -> None:
    scans = 1 + sum(marker == SCAN for marker, _, _ in segments)
    if scans > MOST_SCANS:
        raise BrokenPicture(f"has {scans} scans; no camera writes more than {MOST_SCANS}")


def _header(frame: bytes, body: bytes, upright: int, slow: bool) -> Header:
    height, width = int.from_bytes(frame[5:7], "big"), int.from_bytes(frame[7:9], "big")
    scales = frame[1] not in LOSSLESS
    return Header("jpeg", width, height, body, upright, slow=slow, scales=scales)
