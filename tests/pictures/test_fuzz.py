"""Bytes flipped, cut, doubled and swapped in good files: an RGB picture or our own error, nothing else."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from galao.errors import PictureError
from galao.pictures.decode import Limits, decode

EXAMPLES = 150
SMALL = Limits(min_side=1, max_pixels=1_000_000, max_pixels_slow=1_000_000)


def encode(image, kind, **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture():
    y, x = np.mgrid[0:40, 0:48]
    return Image.fromarray(np.dstack([5 * x, 6 * y, (x * y) % 255]).astype(np.uint8))


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "maker"
    return exif


GOOD = {
    "jpeg": encode(picture(), "JPEG", exif=turned(), icc_profile=bytes(200), comment=b"hello"),
    "progressive": encode(picture(), "JPEG", progressive=True),
    "cmyk": encode(picture().convert("CMYK"), "JPEG"),
    "mpo": encode(picture(), "MPO", save_all=True, append_images=[picture()]),
    "png": encode(picture(), "PNG", exif=turned(), icc_profile=bytes(200)),
    "palette": encode(picture().convert("P"), "PNG", transparency=3),
    "apng": encode(picture(), "PNG", save_all=True, append_images=[picture()]),
    "webp": encode(picture(), "WEBP", exif=turned()),
    "lossless": encode(picture().convert("RGBA"), "WEBP", lossless=True),
    "animated": encode(picture(), "WEBP", save_all=True, append_images=[picture().rotate(90)]),
    "gif": encode(picture(), "GIF", save_all=True, append_images=[picture().rotate(90)], comment=b"hello"),
    "tiff": encode(picture(), "TIFF", exif=turned()),
    "lzw": encode(picture(), "TIFF", compression="tiff_lzw"),
    "jpegtiff": encode(picture(), "TIFF", compression="jpeg"),
    "bmp": encode(picture(), "BMP"),
    "avif": encode(picture(), "AVIF", exif=turned()),
}


@st.composite
def damaged(draw, data):
    """One to eight wounds, most of them near the start, where headers are."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 8))):
        top = draw(st.sampled_from([min(64, len(data)), min(700, len(data)), len(data)]))
        at = draw(st.integers(0, max(0, top - 1)))
        wound = draw(st.sampled_from(["flip", "flip", "set", "cut", "drop", "double", "number"]))
        if wound == "flip":
            data[at : at + 1] = bytes([data[at] ^ 1 << draw(st.integers(0, 7))]) if at < len(data) else b""
        elif wound == "set":
            data[at : at + 1] = draw(st.binary(min_size=1, max_size=4))
        elif wound == "cut":
            del data[max(at, 12) :]
        elif wound == "drop":
            del data[at : at + draw(st.integers(1, 40))]
        elif wound == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
        else:
            data[at : at + 4] = draw(st.sampled_from([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\0\0\1\0"]))
    return bytes(data)


def outcome(data, short_side=None):
    """The picture or our own error; anything else is the failure that these tests look for."""
    try:
        return decode(data, short_side=short_side, limits=SMALL)
    except PictureError as error:
        return error


def check(found):
    if isinstance(found, PictureError):
        assert str(found).isprintable()
        reason = found.__cause__.__cause__ or found.__cause__
        assert not isinstance(reason, Warning)  # warnings are errors while tests run: none may decide
    else:
        assert found.image.mode == "RGB"
        assert len(found.image.tobytes()) == 3 * found.image.width * found.image.height


@pytest.mark.parametrize("name", GOOD)
def test_damaged_files_end_in_a_picture_or_in_our_own_error(name):
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(damaged(GOOD[name]), st.sampled_from([None, 8]))
    def holds(data, short_side):
        check(outcome(data, short_side))

    holds()


@settings(max_examples=2 * EXAMPLES, deadline=None, database=None)
@given(
    st.sampled_from([b"", *(data[:length] for data in GOOD.values() for length in (2, 4, 8, 12, 16, 32))]),
    st.binary(max_size=400),
)
def test_anything_after_a_good_start_ends_in_our_own_error_or_a_picture(start, rest):
    check(outcome(start + rest))
