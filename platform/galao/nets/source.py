"""Where ``net.weights`` says the weights are, checked without torch so that a mistake is told at once."""

import difflib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from galao.errors import WeightsError

Kind = Literal["none", "embedded", "torchvision", "file", "bundle"]
WORDS = ("imagenet", "embedded", "none")
EMBEDDED = Path(str(files("galao.nets"))) / "embedded"


@dataclass(frozen=True, slots=True)
class Source:
    """What kind of weights, and their file, folder or torchvision name (None for ``none`` and ``imagenet``)."""

    kind: Kind
    path: Path | None = None
    name: str | None = None


def find_source(weights: str, net: str) -> Source:
    """Read ``net.weights``.

    Raises:
        WeightsError: a file or bundle that is not there, or a word that means nothing.
    """
    if weights == "none":
        return Source("none")
    if weights == "embedded":
        return Source("embedded", _embedded(net))
    if weights == "imagenet":
        return Source("torchvision")
    if weights.isupper() and "/" not in weights and not Path(weights).exists():
        return Source("torchvision", name=weights)
    return _local(weights)


def _embedded(net: str) -> Path:
    path = EMBEDDED / f"{net}.safetensors"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in EMBEDDED.glob("*.safetensors"))) or "no net"
        raise WeightsError(f"net.weights: embedded weights exist for {known}, not for {net}; set net.name to it")
    return path


def _local(weights: str) -> Source:
    path = Path(weights).expanduser()
    if path.is_dir():
        for folder in (path, path / "bundle"):
            if (folder / "bundle.json").is_file():
                return Source("bundle", folder)
        raise WeightsError(f"net.weights: no bundle.json in {path}; give a bundle or a finished run")
    if not path.is_file():
        near = difflib.get_close_matches(weights, WORDS, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else "give a file, a bundle, imagenet, embedded or none"
        raise WeightsError(f"net.weights: nothing at {weights}; {hint}")
    if path.suffix not in (".safetensors", ".pth", ".pt"):
        raise WeightsError(f"net.weights: {path} is neither .safetensors nor .pth; convert it first")
    return Source("file", path)
