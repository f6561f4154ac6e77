"""The TRAIN transform: what chance does to a picture, drawn from a generator that belongs to that picture alone."""

import math

import numpy as np
from PIL import Image, ImageEnhance

from galao.config.data import TrainTransformParam
from galao.pictures.prepare import Preprocessing, resize

_TRIES = 10
_JITTERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


def generator(seed: int, epoch: int, position: int) -> np.random.Generator:
    """Chance for one picture at one place in one epoch; any step can be recomputed from these three numbers."""
    return np.random.Generator(np.random.Philox(key=philox_key(seed, (epoch << 32) | position)))


def philox_key(seed: int, counter: int) -> np.ndarray:
    """Two unsigned words for NumPy's counter-based generator."""
    return np.array([seed & (2**64 - 1), counter & (2**64 - 1)], dtype=np.uint64)


def augment(
    image: Image.Image, how: Preprocessing, param: TrainTransformParam, chance: np.random.Generator
) -> np.ndarray:
    """TRAIN's counterpart of resize and centre crop: RGB picture to [3,crop,crop] uint8."""
    if param.random_area is not None:
        box = random_box(image.width, image.height, param.random_area, param.random_aspect, chance)
        image = image.resize((how.crop_size, how.crop_size), Image.Resampling.BILINEAR, box=box)
    else:
        image = _random_place(resize(image, how), how.crop_size, chance)
    if param.mirror and chance.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if param.color_jitter:
        image = _jitter(image, param.color_jitter, chance)
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def random_box(
    width: int, height: int, area: tuple[float, float], aspect: float, chance: np.random.Generator
) -> tuple[float, float, float, float]:
    """A box with a random share of the area and a random aspect, as torchvision's RandomResizedCrop draws it."""
    for _ in range(_TRIES):
        target = width * height * chance.uniform(*area)
        ratio = math.exp(chance.uniform(-math.log(aspect), math.log(aspect)))
        w, h = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = int(chance.integers(0, width - w + 1)), int(chance.integers(0, height - h + 1))
            return left, top, left + w, top + h
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def _random_place(image: Image.Image, side: int, chance: np.random.Generator) -> Image.Image:
    """Caffe's TRAIN crop: a square at a uniform offset."""
    if min(image.size) < side:
        factor = side / min(image.size)
        size = (max(side, round(image.width * factor)), max(side, round(image.height * factor)))
        image = image.resize(size, Image.Resampling.BILINEAR)
    left = int(chance.integers(0, image.width - side + 1))
    top = int(chance.integers(0, image.height - side + 1))
    return image.crop((left, top, left + side, top + side))


def _jitter(image: Image.Image, strength: float, chance: np.random.Generator) -> Image.Image:
    for k in chance.permutation(len(_JITTERS)):
        image = _JITTERS[k](image).enhance(chance.uniform(1 - strength, 1 + strength))
    return image
