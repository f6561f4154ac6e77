"""What is read of a file before anything is decoded."""

from io import BytesIO

import pytest
from PIL import Image

from galao.pictures.headers import av1, exif, heif, items
from galao.pictures.headers.sniff import read_header


def encode(image, kind, **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned(orientation):
    block = Image.Exif()
    block[0x010F] = "maker"
    block[0x0112] = orientation
    return block


@pytest.mark.parametrize(
    ("kind", "options", "slow"),
    [
        ("JPEG", {}, False),
        ("JPEG", {"progressive": True}, True),
        ("PNG", {}, True),
        ("WEBP", {}, True),
        ("WEBP", {"lossless": True}, True),
        ("WEBP", {"exif": turned(3)}, True),
        ("GIF", {}, True),
        ("TIFF", {}, True),
        ("TIFF", {"big_tiff": False, "compression": "tiff_lzw"}, True),
        ("BMP", {}, True),
        ("AVIF", {}, True),
    ],
)
@pytest.mark.parametrize("size", [(97, 33), (16, 300)])
def test_the_size_is_read_without_decoding(kind, options, slow, size):
    header = read_header(encode(Image.new("RGB", size), kind, **options))
    assert (header.width, header.height, header.slow) == (*size, slow)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_orientation_is_read_without_pillow(kind, orientation):
    assert read_header(encode(Image.new("RGB", (32, 32)), kind, exif=turned(orientation))).orientation == orientation


def test_what_no_pixel_depends_on_does_not_reach_the_codec():
    secret = b"WHERE-IT-WAS-TAKEN"
    block = turned(6)
    block[0x010E] = secret.decode()
    options = {"exif": block, "icc_profile": secret * 9, "comment": secret}
    for kind in ("JPEG", "PNG", "GIF"):
        data = encode(Image.new("RGB", (32, 32)), kind, **options)
        assert secret in data
        assert secret not in read_header(data).body


def test_a_tiffs_codec_sees_only_tags_that_pixels_depend_on():
    block = turned(6)
    block[0x010E] = "a description"
    header = read_header(encode(Image.new("RGB", (32, 32)), "TIFF", exif=block))
    with Image.open(BytesIO(header.body)) as image:
        assert set(image.tag_v2) <= {256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 338, 339}


@pytest.mark.parametrize("options", [{}, {"save_all": True, "append_images": [Image.new("RGB", (70, 50), "red")] * 3}])
def test_av1_tells_its_own_size(options):
    data = encode(Image.new("RGB", (70, 50)), "AVIF", **options)
    coded = [av1.largest(picture) for picture in items.pictures(data)]
    assert coded
    assert set(coded) == {(70, 50)}
    assert heif.kind(data) == "avif"


def test_av1_with_alpha_has_two_coded_pictures():
    data = encode(Image.effect_noise((64, 64), 60).convert("RGBA").rotate(45), "AVIF")
    assert [av1.largest(picture) for picture in items.pictures(data)] == [(64, 64)] * 2


def test_garbage_has_no_av1_size():
    for data in (b"", b"\xff" * 50, b"\x12\0", bytes(50)):
        assert av1.largest(data) == (0, 0)


def test_an_av1_header_with_timing_and_operating_points_is_read():
    bits = "00000"  # profile, still, reduced
    bits += "1" + 32 * "0" + 32 * "1" + "1" + "00110" + "1"  # timing, uvlc, decoder model
    bits += "00011" + 32 * "0" + "00000" + "00000"  # buffer delay of 4 bits
    bits += "1" + "00000" + 12 * "0" + "01000" + "0" + "1" + 9 * "1" + "1" + "1010"  # one operating point
    bits += f"{9:04b}{8:04b}{639:010b}{479:09b}"
    bits += "0" * (-len(bits) % 8)
    header = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    assert av1.largest(bytes([0x0A, len(header)]) + header) == (640, 480)


def test_exif_without_an_orientation_is_upright():
    block = Image.Exif()
    block[0x010F] = "maker"
    assert exif.orientation(block.tobytes()) == 1
    assert exif.orientation(b"") == 1
