"""What a phone's camera does to a picture: blur, exposure, white balance, vignetting, noise, JPEG."""

import io

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Array = NDArray[np.float32]


def _motion(pixels: Array, rng: Generator) -> Array:
    """The mean of the picture along a short stroke of the hand."""
    steps, angle = int(rng.integers(2, 6)), rng.uniform(0, np.pi)
    total = np.zeros_like(pixels)
    for step in range(steps):
        shift = (round(step * np.sin(angle)), round(step * np.cos(angle)))
        total += np.roll(pixels, shift, axis=(0, 1))
    return np.asarray(total / steps)


def _expose(pixels: Array, rng: Generator) -> Array:
    """Exposure, white balance and contrast of one shot; ``pixels [H,W,3]`` in 0..1."""
    metered = (
        rng.uniform(0.34, 0.5) / max(float(pixels.mean()), 0.08)
    ) ** 0.7  # a phone's automatic exposure, never perfect
    gains = metered * np.exp(rng.normal(0, 0.1) + rng.normal(0, 0.065, 3)).astype(np.float32)
    curve = np.clip(pixels * gains, 0, 1)
    contrast = float(rng.uniform(-0.15, 0.45))
    curve = curve + contrast * (curve * curve * (3 - 2 * curve) - curve)
    grey = ((curve[..., 0] + curve[..., 1] + curve[..., 2]) / 3)[..., None]
    return np.asarray(grey + (curve - grey) * float(rng.uniform(0.7, 1.2)))


def _vignette(height: int, width: int, rng: Generator) -> Array:
    """Darker corners, ``[H,W,1]``."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray((1.0 - rng.uniform(0, 0.22) * (x * x + y * y))[..., None], dtype=np.float32)


def _noisy(pixels: Array, rng: Generator) -> Array:
    """Shot and read noise."""
    strength = float(rng.uniform(0.004, 0.026))
    grain = rng.standard_normal(pixels.shape, dtype=np.float32)
    return np.asarray(pixels + grain * strength * (0.35 + np.sqrt(np.clip(pixels, 0, 1))))


def develop(image: Image.Image, rng: Generator) -> Image.Image:
    """The RGB picture as a phone would have taken it, once through JPEG."""
    softness = rng.uniform(0.25, 0.6) + (rng.uniform(0.0, 0.9) if rng.random() < 0.2 else 0.0)
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(float(softness))), dtype=np.float32) / np.float32(255)
    if rng.random() < 0.12:
        pixels = _motion(pixels, rng)
    pixels = _expose(pixels, rng) * _vignette(image.height, image.width, rng)
    pixels = np.clip(_noisy(pixels, rng), 0, 1)
    shot = Image.fromarray((pixels * 255).astype(np.uint8), "RGB")
    buffer = io.BytesIO()
    shot.save(buffer, "JPEG", quality=int(rng.integers(45, 94)))
    return Image.open(buffer).convert("RGB")
