"""Plain values that rooms hand each other."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a list: a picture's path and its class index (0-based)."""

    path: Path
    index: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer for one picture.

    ``label`` is the class's identifier, ``name`` what a person reads, ``confidence`` a share in 0..1.
    """

    label: str
    name: str
    index: int
    confidence: float
