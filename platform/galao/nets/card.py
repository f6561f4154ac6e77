"""What one should know of a set of weights before using them: source, licence, and the pictures they were made for."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from galao.errors import WeightsError
from galao.pictures.prepare import Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class Card:
    """Source, licence and preprocessing of a set of weights; ``labels`` only when its head is to be kept."""

    source: str
    license: str
    preprocessing: Preprocessing
    commercial: bool = True
    labels: tuple[str, ...] = ()


def preprocessing_of(
    crop_size: int, short_side: int, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD
) -> Preprocessing:
    """From torchvision's convention (0..1, minus mean, divided by std) to ours (0..255, minus mean, times scale)."""
    r, g, b = mean
    sr, sg, sb = std
    return Preprocessing(
        crop_size=crop_size,
        short_side=short_side,
        new_height=None,
        new_width=None,
        mean=(255 * r, 255 * g, 255 * b),
        scale=(1 / (255 * sr), 1 / (255 * sg), 1 / (255 * sb)),
    )


def default_card(source: str) -> Card:
    """For weights that say nothing of themselves: torchvision's usual ImageNet input, licence not stated."""
    return Card(source, NOT_STATED, preprocessing_of(224, 256))


def is_noncommercial(license: str) -> bool:
    """Whether a licence's own words forbid commercial use, such as CC BY-NC 4.0."""
    return re.search(r"\bNC\b|non-?commercial", license, re.IGNORECASE) is not None


def read_card(path: Path) -> Card:
    """The card in the .json file beside a .safetensors file; the default card where there is none.

    Raises:
        WeightsError: the card cannot be read as one.
    """
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return default_card(path.name)
    try:
        fields = json.loads(beside.read_text(encoding="utf-8"))
        return Card(
            str(fields.get("source", path.name)),
            str(fields.get("license", NOT_STATED)),
            Preprocessing.from_json(fields["preprocessing"]),
            bool(fields.get("commercial", not is_noncommercial(str(fields.get("license", ""))))),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{beside}: not a card of weights ({type(error).__name__}: {error}); mend or remove it"
        ) from None
