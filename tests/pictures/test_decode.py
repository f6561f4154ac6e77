"""Every way in which a picture may come, and what becomes of it."""

import os
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFile

from galao.errors import BrokenPicture, PictureError, TooLarge, TooSmall, UnsupportedPicture
from galao.pictures.colour import to_rgb
from galao.pictures.decode import PILLOWS_GUARD, TURNS, Limits, decode
from galao.pictures.extent import extent
from galao.pictures.prepare import Preprocessing, prepare, resize

ANY_SIZE = Limits(min_side=1)
TURN_BACK = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


def photo(width=96, height=64):
    """A smooth picture, different in its four corners."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 255 * x / width, 255 * y / height
    blue = 127 + 100 * np.sin(x / 9) * np.cos(y / 7)
    image = Image.fromarray(np.dstack([red, green, blue]).astype(np.uint8))
    ImageDraw.Draw(image).ellipse((width // 8, height // 8, width // 3, height // 2), fill=(250, 240, 20))
    return image


def encode(image, kind, **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def difference(one, other):
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


def exif_block(orientation, order="MM"):
    mark, form = (b"MM\0*", ">") if order == "MM" else (b"II*\0", "<")
    entry = struct.pack(form + "HHLHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0" + mark + struct.pack(form + "LH", 8, 1) + entry + bytes(4)


def chunk(name, payload):
    return struct.pack(">L4s", len(payload), name) + payload + struct.pack(">L", zlib.crc32(name + payload))


def png(width, height, depth, colour, rows, *before_pixels):
    header = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before_pixels) + pixels + chunk(b"IEND", b"")


def bomb(side=13000):
    """A black square of one bit a pixel: 20 KB for 13,000 x 13,000."""
    return png(side, side, 1, 0, bytes((side // 8 + 1) * side))


def corner_pixels(data):
    image = decode(data, limits=ANY_SIZE).image
    return [image.getpixel((x, 0)) for x in range(image.width)]


# Formats


@pytest.mark.parametrize(
    ("kind", "options", "name", "tolerance"),
    [
        ("JPEG", {"quality": 95}, "jpeg", 3),
        ("JPEG", {"quality": 95, "progressive": True}, "jpeg", 3),
        ("MPO", {"quality": 95, "save_all": True, "append_images": [Image.new("RGB", (96, 64))]}, "jpeg", 3),
        ("PNG", {}, "png", 0),
        ("WEBP", {"lossless": True}, "webp", 0),
        ("WEBP", {"quality": 90}, "webp", 4),
        ("AVIF", {"quality": 90}, "avif", 4),
        ("GIF", {}, "gif", 12),
        ("TIFF", {}, "tiff", 0),
        ("TIFF", {"compression": "tiff_lzw"}, "tiff", 0),
        ("TIFF", {"compression": "tiff_deflate"}, "tiff", 0),
        ("TIFF", {"compression": "packbits"}, "tiff", 0),
        ("TIFF", {"compression": "jpeg", "quality": 95}, "tiff", 3),
        ("BMP", {}, "bmp", 0),
    ],
)
def test_each_accepted_format_decodes(kind, options, name, tolerance):
    decoded = decode(encode(photo(), kind, **options))
    assert (decoded.format, decoded.width, decoded.height) == (name, 96, 64)
    assert (decoded.image.mode, decoded.image.size) == ("RGB", (96, 64))
    assert difference(decoded.image, photo()) <= tolerance


def test_a_file_and_its_bytes_give_the_same_picture(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode(photo(), "JPEG"))  # the name says PNG; the bytes count
    assert decode(path).format == "jpeg"
    assert decode(path).image == decode(path.read_bytes()).image


def test_the_result_carries_nothing_of_the_file():
    decoded = decode(encode(photo(), "JPEG", exif=exif_block(6), comment=b"hello", icc_profile=b"not a profile"))
    assert type(decoded.image) is Image.Image
    assert decoded.image.info == {}


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"just a line of text\n" * 20, "no kind known"),
        (b"  <!DOCTYPE html><html></html>", "web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"%PDF-1.7\n" + bytes(100), "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"8BPS\0\x01" + bytes(100), "Photoshop"),
        (b"II+\0" + bytes(100), "BigTIFF"),
        (b"\0\0\0\x18ftypmp42" + bytes(100), "video"),
        (b"PK\x03\x04" + bytes(100), "zip"),
        (bytes(18), "no kind known"),
    ],
)
def test_what_is_no_picture_is_told_by_what_it_is(data, word):
    with pytest.raises(UnsupportedPicture, match=word):
        decode(data)


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "PPM", "SGI", "EPS", "PDF", "JPEG2000", "DDS", "ICNS"])
def test_formats_that_pillow_knows_but_no_phone_writes_are_refused(kind):
    with pytest.raises(UnsupportedPicture):
        decode(encode(photo(64, 64), kind))


def test_a_heic_without_the_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    box = struct.pack(">L4s", 20, b"ispe") + bytes(4) + struct.pack(">LL", 64, 64)
    for name in (b"ipco", b"iprp"):
        box = struct.pack(">L4s", 8 + len(box), name) + box
    meta = struct.pack(">L4s", 12 + len(box), b"meta") + bytes(4) + box
    with pytest.raises(UnsupportedPicture, match=r"galao\[heif\]"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + meta)


def test_a_heic_with_the_extra_decodes_upright():
    heif = pytest.importorskip("pillow_heif")
    file = BytesIO()
    heif.from_pillow(photo()).save(file, quality=95, exif=exif_block(6))
    assert difference(decode(file.getvalue()).image, photo().transpose(TURNS[6])) < 4


# Modes


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_grey_becomes_three_equal_channels(kind):
    image = decode(encode(photo().convert("L"), kind, **({"lossless": True} if kind == "WEBP" else {}))).image
    assert difference(image, photo().convert("L").convert("RGB")) == 0


def test_one_bit_becomes_black_and_white():
    bits = Image.new("1", (32, 32))
    ImageDraw.Draw(bits).rectangle((0, 0, 15, 31), fill=1)
    for kind in ("PNG", "BMP", "TIFF", "GIF"):
        image = decode(encode(bits, kind)).image
        assert (image.getpixel((3, 3)), image.getpixel((20, 3))) == ((255, 255, 255), (0, 0, 0))


def test_sixteen_bit_grey_is_scaled_not_clipped():
    wide = (np.arange(32 * 32).reshape(32, 32) * 64).astype(np.uint16)
    for data in (encode(Image.fromarray(wide), "PNG"), encode(Image.fromarray(wide), "TIFF")):
        assert np.array_equal(np.asarray(decode(data).image)[..., 1], wide >> 8)


def test_big_endian_sixteen_bits_read_the_same():
    wide = (np.arange(32 * 32).reshape(32, 32) * 64).astype(">u2")
    short = {256: 32, 257: 32, 258: 16, 259: 1, 262: 1, 277: 1, 278: 32}
    tags = [(tag, 3, 1, value << 16) for tag, value in short.items()] + [(273, 4, 1, 8), (279, 4, 1, 2048)]
    tags.sort()
    directory = struct.pack(">H", len(tags)) + b"".join(struct.pack(">HHLL", *tag) for tag in tags) + bytes(4)
    data = b"MM\0*" + struct.pack(">L", 8 + 2048) + wide.tobytes() + directory
    assert np.array_equal(np.asarray(decode(data).image)[..., 0], (wide >> 8).astype(np.uint8))


def test_sixteen_bit_colour_keeps_its_upper_eight_bits():
    row = b"\0" + struct.pack(">3H", 0x1234, 0x8000, 0xFFFF) * 16
    assert corner_pixels(png(16, 16, 16, 2, row * 16))[0] == (0x12, 0x80, 0xFF)


@pytest.mark.parametrize(("top", "shift"), [(200, 0), (60_000, 8), (2**31 - 1, 23)])
def test_thirty_two_bit_grey_fits_its_brightest_pixel(top, shift):
    values = np.linspace(0, top, 256, dtype=np.int32).reshape(16, 16)
    image = decode(encode(Image.fromarray(values, "I"), "TIFF")).image
    assert np.array_equal(np.asarray(image)[..., 0], values >> shift)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0, 1e9])
def test_floats_fit_their_brightest_pixel_and_survive_nan(top):
    values = np.linspace(0, top, 256, dtype=np.float32).reshape(16, 16)
    values[0, 0] = np.nan
    grey = np.asarray(decode(encode(Image.fromarray(values, "F"), "TIFF")).image)[..., 0]
    assert (grey[0, 0], grey[-1, -1]) == (0, 255)
    assert abs(int(grey[8, 0]) - 128) <= 1


def test_cmyk_comes_out_as_it_looks():
    for data in (
        encode(photo().convert("CMYK"), "JPEG", quality=95),
        encode(photo().convert("CMYK"), "TIFF"),
        encode(photo().convert("CMYK"), "TIFF", compression="tiff_lzw"),
    ):
        assert difference(decode(data).image, photo()) < 4


def test_ycck_comes_out_as_it_looks():
    data = bytearray(encode(photo().convert("CMYK"), "JPEG", quality=95))
    plain = decode(bytes(data)).image
    adobe = data.find(b"Adobe")
    assert adobe > 0
    data[adobe + 11] = 2  # Adobe's mark: the first three channels are YCC
    assert difference(decode(bytes(data)).image, plain) > 20  # the mark reached the codec


def test_lab_ycbcr_and_hsv_come_out_as_they_look():
    lab = Image.new("LAB", (32, 32), (255, 128, 128))  # paper white
    assert min(decode(encode(lab, "TIFF")).image.getpixel((9, 9))) > 250
    ycbcr = encode(photo().convert("YCbCr"), "TIFF", compression="tiff_lzw")
    assert difference(decode(ycbcr).image, photo()) < 3
    assert difference(to_rgb(photo().convert("HSV")), photo()) < 4


def test_transparent_pixels_lie_on_white():
    picture = Image.new("RGBA", (16, 16), (200, 10, 10, 0))
    picture.putpixel((1, 0), (200, 10, 10, 255))
    picture.putpixel((2, 0), (200, 10, 10, 128))
    for data in (encode(picture, "PNG"), encode(picture, "WEBP", lossless=True, exact=True), encode(picture, "TIFF")):
        clear, solid, half = corner_pixels(data)[:3]
        assert (clear, solid) == ((255, 255, 255), (200, 10, 10))
        assert max(abs(a - b) for a, b in zip(half, (227, 132, 132), strict=True)) <= 1


def test_grey_with_alpha_lies_on_white():
    picture = Image.new("LA", (16, 16), (90, 0))
    picture.putpixel((1, 0), (90, 255))
    assert corner_pixels(encode(picture, "PNG"))[:2] == [(255, 255, 255), (90, 90, 90)]
    for mode in ("La", "RGBa", "PA"):
        assert to_rgb(picture.convert("RGBA").convert(mode) if mode != "La" else picture.convert("La")).mode == "RGB"


def test_a_palette_with_transparency_lies_on_white():
    picture = Image.new("P", (16, 16), 0)
    picture.putpalette([200, 10, 10, 10, 200, 10, 10, 10, 200])
    for place, index in enumerate((0, 1, 2)):
        picture.putpixel((place, 0), index)
    one = corner_pixels(encode(picture, "PNG", transparency=0))[:3]
    assert one == [(255, 255, 255), (10, 200, 10), (10, 10, 200)]
    many = corner_pixels(encode(picture, "PNG", transparency=bytes([255, 0, 128])))[:3]
    assert many[:2] == [(200, 10, 10), (255, 255, 255)]
    assert abs(many[2][0] - 132) <= 1
    assert corner_pixels(encode(picture, "GIF", transparency=1))[:2] == [(200, 10, 10), (255, 255, 255)]


@pytest.mark.parametrize(
    ("depth", "colour", "row", "key", "others"),
    [
        (8, 0, bytes([7, 9] * 8), (7,), (9, 9, 9)),
        (4, 0, bytes([0x75] * 8), (7,), (85, 85, 85)),
        (2, 0, bytes([0b01101101] * 4), (1,), (170, 170, 170)),
        (16, 0, struct.pack(">2H", 0x1234, 0x1235) * 8, (0x1234,), (18, 18, 18)),
        (8, 2, bytes([1, 2, 3, 4, 5, 6] * 8), (1, 2, 3), (4, 5, 6)),
        (16, 2, struct.pack(">6H", 256, 512, 768, 1024, 1280, 1536) * 8, (256, 512, 768), (4, 5, 6)),
    ],
)
def test_a_transparent_colour_lies_on_white_at_every_depth(depth, colour, row, key, others):
    data = png(16, 16, depth, colour, (b"\0" + row) * 16, chunk(b"tRNS", struct.pack(f">{len(key)}H", *key)))
    assert corner_pixels(data)[:2] == [(255, 255, 255), others]


# Orientation


def turned(orientation):
    """The photo as a camera stores it that wants it turned by ``orientation``."""
    turn = TURN_BACK.get(orientation, TURNS.get(orientation))
    return photo() if turn is None else photo().transpose(turn)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, 3),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("AVIF", {"quality": 90}, 4),
    ],
)
def test_every_orientation_comes_out_upright(kind, options, tolerance, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encode(turned(orientation), kind, exif=exif, **options))
    assert (decoded.width, decoded.height) == decoded.image.size == (96, 64)
    assert difference(decoded.image, photo()) <= tolerance


@pytest.mark.parametrize("order", ["MM", "II"])
def test_both_byte_orders_of_exif_are_read(order):
    assert decode(encode(photo(), "JPEG", exif=exif_block(6, order))).image.size == (64, 96)


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\0\0",
        b"Exif\0\0garbage and more garbage",
        exif_block(6)[:12],
        exif_block(6)[:20],
        exif_block(0),
        exif_block(9),
        exif_block(65535),
        b"Exif\0\0MM\0*\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(60_000),
    ],
)
def test_broken_exif_costs_nothing_but_the_turn(block):
    for data in (encode(photo(), "JPEG", exif=block), encode(photo(), "WEBP", exif=block)):
        assert decode(data).image.size == (96, 64)
    plain = encode(photo(), "PNG")
    assert decode(plain[:33] + chunk(b"eXIf", block[6:]) + plain[33:]).image.size == (96, 64)


def test_orientation_by_xmp_or_text_is_not_believed():
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation='6'/>"
    data = encode(photo(), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(xmp)) + xmp
    assert decode(data[:2] + segment + data[2:]).image.size == (96, 64)


# First frame


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {}), ("TIFF", {})])
def test_of_many_frames_the_first_counts(kind, options):
    red, blue = Image.new("RGB", (32, 32), (250, 0, 0)), Image.new("RGB", (32, 32), (0, 0, 250))
    data = encode(red, kind, save_all=True, append_images=[blue, blue], **options)
    assert decode(data).image.getpixel((9, 9)) == (250, 0, 0)


def test_of_an_avif_sequence_the_first_counts():
    red, blue = Image.new("RGB", (32, 32), (250, 0, 0)), Image.new("RGB", (32, 32), (0, 0, 250))
    red_part = decode(encode(red, "AVIF", save_all=True, append_images=[blue, blue])).image.getpixel((9, 9))
    assert red_part[0] > 240 > 20 > red_part[2]


def test_an_mpo_that_lies_about_its_other_pictures_is_a_jpeg():
    data = encode(photo(), "MPO", save_all=True, append_images=[photo()])
    table = data.find(b"MPF\0")
    broken = data[: table + 8] + b"\xff" * 40 + data[table + 48 :]
    assert difference(decode(broken).image, photo()) < 6


# Broken


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_picture_is_named_as_broken(kind, share):
    noise = Image.effect_noise((128, 128), 80).convert("RGB")
    data = encode(noise, kind)
    with pytest.raises(BrokenPicture, match=r"^the picture "):
        decode(data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_picture_cut_inside_its_header_is_our_error(kind):
    data = encode(photo(), kind, **({"compression": "tiff_lzw"} if kind == "TIFF" else {}))
    for length in range(60):
        with pytest.raises(PictureError):
            decode(data[:length])


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg"])
def test_a_tiff_that_lacks_a_few_bytes_is_broken(compression):
    data = encode(Image.effect_noise((128, 128), 80).convert("RGB"), "TIFF", compression=compression)
    for missing in (1, 9, 20):  # of the pixels, or of the directory where that comes last
        with pytest.raises(BrokenPicture):
            decode(data[:-missing])


def test_a_jpeg_without_pixels_is_broken():
    data = encode(photo(), "JPEG")
    with pytest.raises(BrokenPicture, match="before its first pixel"):
        decode(data[: data.find(b"\xff\xda")])
    frame = data.find(b"\xff\xc0")
    flat = data[: frame + 5] + bytes(2) + data[frame + 7 :]
    with pytest.raises(BrokenPicture, match="96 x 0"):
        decode(flat)


def test_two_frame_headers_are_broken():
    data = encode(photo(), "JPEG")
    frame = data.find(b"\xff\xc0")
    header = data[frame : frame + 19]
    with pytest.raises(BrokenPicture, match="two frame headers"):
        decode(data[:frame] + header + data[frame:])


def test_a_twelve_bit_jpeg_says_what_to_do():
    data = bytearray(encode(photo(), "JPEG"))
    data[data.find(b"\xff\xc0") + 4] = 12
    with pytest.raises(UnsupportedPicture, match="12 bits"):
        decode(bytes(data))


def test_a_raw_file_of_a_camera_is_not_taken_for_a_tiff():
    tags = [(256, 4, 1, 64), (257, 4, 1, 64), (50706, 1, 4, 0x0401)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHLL", *tag) for tag in tags) + bytes(4)
    with pytest.raises(UnsupportedPicture, match="raw file"):
        decode(b"II*\0\x08\0\0\0" + directory)


# Too large, too small


def test_a_small_file_of_169_megapixels_is_refused_from_its_header():
    data = bomb()
    assert len(data) < 21_000
    with pytest.raises(TooLarge, match=r"13000 x 13000 = 169\.0 megapixels"):
        decode(data)


def test_a_progressive_jpeg_has_the_lower_cap():
    limits = Limits(max_pixels=10_000, max_pixels_slow=5_000)
    assert decode(encode(photo(), "JPEG"), limits=limits).width == 96
    with pytest.raises(TooLarge):
        decode(encode(photo(), "JPEG", progressive=True), limits=limits)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_whatever_is_held_whole_has_the_lower_cap(kind):
    at_the_cap, below = Limits(max_pixels_slow=96 * 64), Limits(max_pixels_slow=96 * 64 - 1)
    assert decode(encode(photo(), kind), limits=at_the_cap).width == 96
    with pytest.raises(TooLarge):
        decode(encode(photo(), kind), limits=below)


def test_a_baseline_jpeg_of_several_scans_has_the_lower_cap_too():
    data = bytearray(encode(photo(), "JPEG"))
    data[data.find(b"\xff\xda") + 4] = 1  # its first scan holds one of three components
    with pytest.raises(TooLarge):
        decode(bytes(data), limits=Limits(max_pixels_slow=5_000))


def test_a_gif_counts_its_frame_not_only_its_screen():
    data = bytearray(encode(photo(), "GIF"))
    data[6:10] = struct.pack("<2H", 1, 1)
    assert decode(bytes(data)).image.size == (96, 64)
    with pytest.raises(TooLarge):
        decode(bytes(data), limits=Limits(max_pixels_slow=5_000))


def test_an_avif_that_lies_about_its_size_is_refused():
    data = encode(photo(256, 256), "AVIF")
    lying = data.replace(struct.pack(">LL", 256, 256), struct.pack(">LL", 32, 32))
    assert lying != data
    with pytest.raises(TooLarge, match="256 x 256"):
        decode(lying, limits=Limits(max_pixels_slow=10_000))


def test_a_picture_too_small_to_say_anything_is_refused():
    with pytest.raises(TooSmall, match="15 x 40 pixels; the shorter side must have at least 16"):
        decode(encode(photo(15, 40), "PNG"))
    assert decode(encode(photo(16, 40), "PNG")).width == 16


def test_too_many_bytes_are_refused_with_the_limit():
    data = encode(photo(), "PNG")
    with pytest.raises(TooLarge, match="at most 100 are read"):
        decode(data, limits=Limits(max_bytes=100))
    assert decode(data, limits=Limits(max_bytes=len(data))).width == 96
    assert decode(data, limits=Limits(max_bytes=None)).width == 96


def test_limits_must_be_positive_and_below_pillows_own_guard():
    for wrong in ({"max_pixels": 0}, {"min_side": 0}, {"max_bytes": -1}, {"max_pixels": PILLOWS_GUARD + 1}):
        with pytest.raises(ValueError, match="limits"):
            Limits(**wrong)


# Paths


def test_a_broken_file_is_named_by_its_path(tmp_path):
    path = tmp_path / "rose.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0 not much of a picture")
    with pytest.raises(BrokenPicture, match=rf"^{path} "):
        decode(path)


def test_paths_that_cannot_be_read_are_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, word in (
        (tmp_path / "missing.jpg", "No such file"),
        (tmp_path, "is a folder"),
        (tmp_path / "pipe", "not an ordinary file"),
        (Path("/dev/zero"), "not an ordinary file"),
        (tmp_path / ("x" * 300), "too long"),
        (Path("a\0b.jpg"), "null"),
    ):
        with pytest.raises(PictureError, match=word) as caught:
            decode(path)
        assert str(caught.value).startswith(str(path).replace("\0", "?"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    path = tmp_path / "secret.jpg"
    path.write_bytes(encode(photo(), "JPEG"))
    path.chmod(0)
    with pytest.raises(PictureError, match="Permission denied"):
        decode(path)


def test_a_file_beyond_the_limit_is_not_read(tmp_path):
    path = tmp_path / "film.jpg"
    with path.open("wb") as file:
        file.truncate(2**40)  # a terabyte of nothing
    with pytest.raises(TooLarge, match="1,099,511,627,776 bytes"):
        decode(path)


def test_messages_are_one_line_whatever_the_name_holds(tmp_path):
    path = tmp_path / os.fsdecode(b"two\nlines \x1b[31m\xff.jpg")
    path.write_bytes(b"nothing")
    with pytest.raises(UnsupportedPicture) as caught:
        decode(path)
    assert str(caught.value).isprintable()
    assert str(caught.value).encode()


# Draft


def test_a_jpeg_is_never_decoded_below_twice_the_wanted_side():
    for size in ((1600, 1200), (1200, 1600), (511, 1030), (512, 512), (513, 777)):
        data = encode(photo(*size), "JPEG")
        for side in (16, 32, 64, 100, 128, 129, 224, 256, 600):
            decoded = decode(data, short_side=side)
            assert (decoded.width, decoded.height) == size
            assert min(decoded.image.size) >= min(2 * side, *size)
            if min(size) >= 4 * side:
                assert min(decoded.image.size) < min(size)


def test_draft_and_orientation_go_together():
    decoded = decode(encode(turned(6).resize((640, 960)), "JPEG", quality=95, exif=exif_block(6)), short_side=100)
    assert (decoded.width, decoded.height) == (960, 640)
    assert decoded.image.size == (480, 320)
    assert difference(decoded.image.resize((96, 64)), photo()) < 4


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 60}])
def test_draft_changes_the_prepared_picture_by_less_than_two_grey_levels(options):
    rng = np.random.default_rng(0)
    picture = photo(1200, 900)
    grain = Image.fromarray(rng.integers(0, 40, (900, 1200, 3), dtype=np.uint8))
    data = encode(Image.blend(picture, grain, 0.3), "JPEG", **options)
    how = Preprocessing(crop_size=112, short_side=128)
    full, draft = (prepare(decode(data, short_side=side).image, how) for side in (None, how.decode_side))
    assert np.abs(full - draft).mean() < 1.0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(500, 375), (375, 500), (333, 501), (577, 1001)])
def test_a_draft_that_ends_inside_its_last_pixels_keeps_its_place(size, orientation):
    data = encode(photo(*size), "JPEG", quality=95, exif=exif_block(orientation))
    how = Preprocessing(crop_size=64, short_side=72)
    full, draft = decode(data), decode(data, short_side=how.decode_side)
    assert draft.image.size != full.image.size == (draft.width, draft.height)
    assert resize(draft.image, how).size == resize(full.image, how).size
    difference = np.abs(prepare(full.image, how) - prepare(draft.image, how))
    assert difference.mean() < 1.0
    assert extent(resize(draft.image, how)) == (0, 0, *resize(full.image, how).size)


def test_a_wanted_side_below_one_is_our_own_mistake():
    with pytest.raises(ValueError, match="short_side"):
        decode(encode(photo(), "JPEG"), short_side=0)


# Threads and globals


def test_many_threads_decode_good_and_bad_at_once():
    good = {kind: encode(photo(), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF", "BMP")}
    alone = {kind: decode(data).image for kind, data in good.items()}
    bad = [data[: len(data) // 2] for data in good.values()] + [b"", b"text", bomb(5000)]
    wrong = []

    def work(number):
        kind = list(good)[number % len(good)]
        if decode(good[kind]).image != alone[kind]:
            wrong.append(kind)
        try:
            decode(bad[number % len(bad)])
            wrong.append(number)
        except PictureError:
            pass

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(400)))
    assert wrong == []


def test_nothing_global_is_touched_and_nothing_is_warned():
    def state():
        return list(warnings.filters), ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, os.environ.copy()

    before = state()
    decode(encode(photo(), "MPO", save_all=True))
    for data in (bomb(9_600), encode(photo(), "TIFF")[:-9]):
        with pytest.raises(PictureError) as caught:
            decode(data)
        assert not isinstance(caught.value.__cause__.__cause__, Warning)  # warnings are errors while tests run
    assert state() == before
