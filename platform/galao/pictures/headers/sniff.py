"""By the first bytes, never by a name or a content type: which format, and who reads its header.

Accepted is what phones, cameras and the web write: JPEG (also MPO), PNG, WebP, AVIF, GIF, TIFF, BMP and, with the
extra ``heif``, HEIC. Not accepted, though Pillow opens them:

- EPS, PS, PDF: programs, run by Ghostscript; WMF, EMF: drawn by Windows; BUFR, GRIB, HDF5: left to whatever
  handler is installed.
- PSD: layers, of which Pillow shows a rendering that may be stale or absent.
- ICO, CUR, ICNS, DDS, textures: icons and games; they nest other formats, whose limits would not hold.
- TGA: has no signature, so that almost any file could be one. PCX, SGI, XBM, PPM, QOI, FITS and others: no
  phone, camera or web page writes them.
- JPEG 2000: no phone writes it, and a small file may take OpenJPEG gigabytes and minutes.
"""

from collections.abc import Callable

from galao.errors import UnsupportedPicture
from galao.pictures.headers import bmp, gif, heif, jpeg, png, tiff, webp
from galao.pictures.headers.header import Header

ACCEPTED = "JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF or BMP"

READERS: tuple[tuple[bytes, Callable[[bytes], Header]], ...] = (
    (b"\xff\xd8\xff", jpeg.read),
    (png.SIGNATURE, png.read),
    (b"GIF87a", gif.read),
    (b"GIF89a", gif.read),
    (b"II*\0", tiff.read),
    (b"MM\0*", tiff.read),
    (b"BM", bmp.read),
)

STRANGERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"8BPS", "a Photoshop document"),
    (b"\0\0\1\0", "an icon"),
    (b"\0\0\0\x0cjP", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"\0\0\0\x0cJXL", "a JPEG XL"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"II+\0", "a BigTIFF"),
    (b"MM\0+", "a BigTIFF"),
    (b"PK", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
)


def read_header(data: bytes) -> Header:
    """The header of a picture of an accepted format; ``UnsupportedPicture`` or ``BrokenPicture`` else."""
    for start, read in READERS:
        if data.startswith(start):
            return read(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return webp.read(data)
    if heif.kind(data):
        return heif.read(data)
    raise UnsupportedPicture(f"is {_stranger(data)}, not {ACCEPTED}")


def _stranger(data: bytes) -> str:
    if not data:
        return "empty (0 bytes)"
    if data[4:8] == b"ftyp":
        return "a video"
    for start, name in STRANGERS:
        if data.startswith(start):
            return name
    if data.lstrip()[:1] == b"<":
        return "a web page, SVG or other XML"
    return "of no kind known here"
