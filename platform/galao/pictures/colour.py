"""Any mode of Pillow -> RGB of 8 bits.

Transparent pixels are laid on white, as on a page. Colour profiles (ICC) are ignored everywhere, in training as in
serving: a net sees the stored numbers. 16 bits keep their upper 8, in grey as in colour.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIXTEEN_BITS = {"I;16", "I;16L", "I;16B", "I;16N"}
WITH_ALPHA = {"RGBA", "LA", "PA", "RGBa", "La"}


def to_rgb(image: Image.Image) -> Image.Image:
    """A loaded picture of any mode as a plain RGB picture of its own, at the same size."""
    if image.mode in SIXTEEN_BITS or image.mode in {"I", "F"}:
        rgb = _from_wide_grey(image)
    elif image.mode in WITH_ALPHA or "transparency" in image.info:
        rgb = _on_white(image)
    else:
        rgb = image.copy() if image.mode == "RGB" else image.convert("RGB")
    rgb.info = {}
    return rgb


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "La":
        image = image.convert("LA")
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white


def _from_wide_grey(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    grey = _float_to_bytes(values) if image.mode == "F" else _int_to_bytes(values)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey[values == clear] = 255
    return Image.fromarray(grey).convert("RGB")


def _int_to_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """16 bits, or in mode I the fewest of 8, 16 and 32 bits that hold the brightest pixel; negative is black."""
    if values.dtype.itemsize == 2:
        return np.asarray(values >> 8, dtype=np.uint8)
    top = int(values.max())
    shift = 0 if top < 2**8 else 8 if top < 2**16 else 23
    return np.asarray(np.maximum(values, 0) >> shift, dtype=np.uint8)


def _float_to_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """0..1, 0..255 or 0..65535, whichever is the first that holds the brightest pixel; else 0..brightest."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    top = float(values.max())
    full = next((limit for limit in (1.0, 255.0, 65535.0) if top <= limit), top)
    values *= 255.0 / full
    values += 0.5
    return np.asarray(np.clip(values, 0, 255, out=values), dtype=np.uint8)
