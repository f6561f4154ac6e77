"""Files made to cost far more than they weigh: each is refused, or decoded within 5 seconds and 600 MB."""

import json
import os
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

DECODE_EACH = Path(__file__).with_name("decode_each.py")
MEGA = 1_000_000


def encode(image, kind, **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def deflated_zeros(size):
    """``size`` bytes of nothing, deflated without holding them."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(MEGA)) for _ in range(size // MEGA)) + packer.flush()


def chunk(name, payload):
    return struct.pack(">L4s", len(payload), name) + payload + struct.pack(">L", zlib.crc32(name + payload))


def png(width, height, depth, colour, pixels, *before_pixels):
    header = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", header, *before_pixels, chunk(b"IDAT", pixels), chunk(b"IEND", b"")],
    )


def tiff(tags, data=b""):
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHLL", *tag) for tag in tags) + bytes(4)
    return b"II*\0" + struct.pack("<L", 8 + len(data)) + data + directory


def grey_tiff(side, compression, size, **changes):
    values = {256: side, 257: side, 258: 8, 259: compression, 262: 1, 273: 8, 277: 1, 278: side, 279: size} | changes
    return [(int(tag), 4, 1, value) for tag, value in sorted(values.items(), key=lambda item: int(item[0]))]


def photo(side=64):
    return Image.effect_noise((side, side), 60).convert("RGB")


def png_text():
    return png(32, 32, 8, 2, zlib.compress(bytes(32 * 97)), chunk(b"zTXt", b"a\0\0" + deflated_zeros(MEGA)) * 7000)


def png_profiles():
    return png(32, 32, 8, 2, zlib.compress(bytes(32 * 97)), chunk(b"iCCP", b"a\0\0" + deflated_zeros(MEGA)) * 7000)


def png_pixels_without_end():
    return png(32, 32, 8, 2, deflated_zeros(500 * MEGA))


def png_crumbs():
    return png(32, 32, 8, 2, zlib.compress(bytes(32 * 97)), chunk(b"IDAT", b"") * 650_000)


def png_strip():
    return png(MEGA, 16, 8, 2, deflated_zeros(49 * MEGA))


def jpeg_with(segment, times):
    data = encode(photo(), "JPEG")
    return data[:2] + (b"\xff\xe1" + struct.pack(">H", 2 + len(segment)) + segment) * times + data[2:]


def jpeg_exif_crumbs():
    return jpeg_with(b"Exif\0\0" + bytes(50), 120_000)


def jpeg_giant_exif():
    return jpeg_with(b"Exif\0\0MM\0*" + bytes(65_000), 120)


def jpeg_scans(times):
    data = encode(Image.new("RGB", (4000, 4000)), "JPEG", progressive=True)
    last = data[data.rfind(b"\xff\xda") : -2]
    return data[:-2] + last * times + data[-2:]


def gif_comment():
    data = encode(photo().convert("P"), "GIF")
    palette_end = 13 + (3 << (data[10] & 7) + 1)
    return data[:palette_end] + b"!\xfe" + b"\1a" * 4_000_000 + b"\0" + data[palette_end:]


def webp_of_268_megapixels():
    size = 16382 | 16382 << 14
    return b"RIFF" + struct.pack("<L", 22) + b"WEBPVP8L" + struct.pack("<LBL", 10, 0x2F, size) + bytes(5)


def tiff_tags():
    tags = grey_tiff(32, 1, 1024) + [(tag, 7, 7 * MEGA, 8) for tag in range(1000, 51_000)]
    return tiff(tags, b"\1" * (7 * MEGA + 8))


def tiff_tile():
    tags = grey_tiff(32, 5, 1024, **{"322": 65_536, "323": 60_000, "324": 8, "325": 1024})
    return tiff([tag for tag in tags if tag[0] not in {273, 278, 279}], b"\x80\0\x40" * 1000)


def tiff_strips():
    """4,000 strips that are all the same five megabytes, each unpacking to nothing."""
    empty = b"\x78\1" + b"\0\0\0\xff\xff" * MEGA
    places = struct.pack("<4000L", *[8] * 4000) + struct.pack("<4000L", *[len(empty)] * 4000)
    tags = grey_tiff(4000, 8, 0, **{"278": 1})
    found = {273: (273, 4, 4000, 8 + len(empty)), 279: (279, 4, 4000, 8 + len(empty) + 16_000)}
    return tiff([found.get(tag[0], tag) for tag in tags], empty + places)


def bmp_runs():
    header = struct.pack("<LllHHLLllLL", 40, 15_999, 1000, 1, 8, 1, 0, 0, 0, 256, 0)
    body = header + bytes(1024) + b"\1\5\0\0" * 260_000
    return b"BM" + struct.pack("<LLL", 14 + len(body), 0, 54 + 1024) + body


def avif_in_disguise():
    data = encode(Image.new("RGB", (8192, 8192)), "AVIF", speed=10, quality=20)
    return data.replace(struct.pack(">LL", 8192, 8192), struct.pack(">LL", 64, 64))


def cmyk_of_40_megapixels():
    return encode(Image.new("CMYK", (7500, 5300), (10, 200, 30, 40)), "JPEG", exif=turned_by_a_quarter())


def turned_by_a_quarter():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


FILES = {
    "text.png": (png_text, {"ok"}),
    "profiles.png": (png_profiles, {"ok"}),
    "endless.png": (png_pixels_without_end, {"ok", "BrokenPicture"}),
    "crumbs.png": (png_crumbs, {"ok"}),
    "strip.png": (png_strip, {"ok"}),
    "crumbs.jpg": (jpeg_exif_crumbs, {"BrokenPicture"}),
    "exif.jpg": (jpeg_giant_exif, {"ok"}),
    "scans.jpg": (lambda: jpeg_scans(80), {"ok"}),
    "more_scans.jpg": (lambda: jpeg_scans(300), {"BrokenPicture"}),
    "cmyk.jpg": (cmyk_of_40_megapixels, {"ok"}),
    "comment.gif": (gif_comment, {"ok"}),
    "huge.webp": (webp_of_268_megapixels, {"TooLarge"}),
    "tags.tif": (tiff_tags, {"ok"}),
    "tile.tif": (tiff_tile, {"BrokenPicture"}),
    "strips.tif": (tiff_strips, {"BrokenPicture"}),
    "runs.bmp": (bmp_runs, {"UnsupportedPicture"}),
    "disguise.avif": (avif_in_disguise, {"TooLarge"}),
}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_ends_in_time_and_in_memory(name, tmp_path):
    make, kinds = FILES[name]
    path = tmp_path / name
    path.write_bytes(make())
    assert path.stat().st_size <= 8 * 1024 * 1024
    done = subprocess.run(
        [sys.executable, str(DECODE_EACH), "{}", "null"],
        input=f"{path}\n",
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONSAFEPATH": "1"},
    )
    found = json.loads(done.stdout)
    assert found["kind"] in kinds, found
    assert found["seconds"] < 5, found
    assert found["mb"] < 600, found
