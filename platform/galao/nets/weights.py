"""Fetch, verify and load weights by layer name; say what matched, what was dropped and what stayed random.

Nothing here unpickles: .safetensors holds numbers only, .pth is read with ``weights_only=True``.
"""

import hashlib
import json
import math
import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from galao.errors import WeightsError
from galao.nets.card import Card, default_card, is_noncommercial, read_card
from galao.nets.source import Source
from galao.nets.zoo import torchvision_card
from galao.pictures.prepare import Preprocessing

_WRAPPERS = ("state_dict", "model_state_dict", "model", "model_ema", "net")


@dataclass(frozen=True)
class Weights:
    """Tensors by name, with their card."""

    state: dict[str, Tensor]
    card: Card


@dataclass(frozen=True)
class Match:
    """What loading did: names that were copied, names of the weights without use, names that stayed random."""

    matched: tuple[str, ...]
    dropped: tuple[str, ...]
    random: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{len(self.matched)} blobs matched; dropped: {_names(self.dropped)}; "
            f"random, to be learnt: {_names(self.random)}"
        )


def load_weights(source: Source, net: str, allow_noncommercial: bool) -> Weights | None:
    """The weights that ``net.weights`` names; None for ``none``.

    Raises:
        WeightsError: not there, not readable, no network, or a licence that the job does not accept.
    """
    match source.kind:
        case "none":
            return None
        case "torchvision":
            return _from_torchvision(net, source.name, allow_noncommercial)
        case "bundle":
            assert source.path is not None
            return _from_bundle(source.path, allow_noncommercial)
    assert source.path is not None
    card = read_card(source.path) if source.path.suffix == ".safetensors" else default_card(source.path.name)
    _require_licence(card, allow_noncommercial)
    return Weights(read_state(source.path), card)


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors by name from .safetensors or .pth, with common wrappers and ``module.`` prefixes taken off.

    Raises:
        WeightsError: the file does not hold named tensors, or would need unpickling of code.
    """
    try:
        if path.suffix == ".safetensors":
            return _unwrap(path, load_file(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a damaged file torch first guesses aloud what it might be
            raw = torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from None
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a whole .safetensors file ({error}); fetch or copy it again") from None
    except Exception as error:  # a damaged pickle can raise anything
        reason = str(error).split("\n")[0][:120]
        raise WeightsError(
            f"{path}: holds more than plain tensors, or is damaged ({reason}); save its state_dict as .safetensors"
        ) from None
    return _unwrap(path, raw)


def _unwrap(path: Path, raw: Any) -> dict[str, Tensor]:
    for key in _WRAPPERS:
        if isinstance(raw, Mapping) and isinstance(raw.get(key), Mapping):
            raw = raw[key]
    if not isinstance(raw, Mapping) or not all(isinstance(value, Tensor) for value in raw.values()) or not raw:
        raise WeightsError(f"{path}: not a state_dict (named tensors); save net.state_dict() as .safetensors")
    return {str(name).removeprefix("module."): value for name, value in raw.items()}


def _from_torchvision(net: str, name: str | None, allow_noncommercial: bool) -> Weights:
    entry, card = torchvision_card(net, name)
    _require_licence(card, allow_noncommercial)
    path = Path(torch.hub.get_dir()) / "checkpoints" / entry.url.rsplit("/", 1)[-1]
    expected = match[1] if (match := re.search(r"-([a-f0-9]{8,})\.", path.name)) else ""
    if not path.is_file():
        _download(entry.url, path, expected, str(entry))
    if not sha256(path).startswith(expected):
        raise WeightsError(f"{path}: not the file that torchvision offers as {entry} (its hash differs); remove it")
    return Weights(read_state(path), card)


def _download(url: str, path: Path, expected: str, what: str) -> None:
    """Fetch to a temporary file beside ``path``, check the hash, rename."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=expected or None, progress=sys.stderr.isatty())
    except (URLError, OSError, TimeoutError) as error:
        raise WeightsError(
            f"net.weights: cannot download {what} ({getattr(error, 'reason', error)}); elsewhere fetch "
            f"{url} and put it at {path}, or use net.weights=embedded or a local file"
        ) from None
    except RuntimeError as error:
        raise WeightsError(f"net.weights: the download of {what} is damaged ({error}); try again") from None


def _from_bundle(folder: Path, allow_noncommercial: bool) -> Weights:
    """Another run's result: its preprocessing, licence and labels come along."""
    weights = folder / "model.safetensors"
    try:
        fields = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        card = Card(
            f"bundle {fields['name']}@{fields['version']}",
            str(fields["license"]),
            Preprocessing.from_json(fields["preprocessing"]),
            commercial=not is_noncommercial(str(fields["license"])),
            labels=tuple(label["label"] for label in fields["labels"]),
        )
        whole = fields["files"][weights.name] == f"sha256:{sha256(weights)}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{folder}: not a whole bundle ({type(error).__name__}: {error})") from None
    if not whole:
        raise WeightsError(f"{weights}: not the file that bundle.json was written with; copy the bundle again")
    _require_licence(card, allow_noncommercial)
    return Weights(read_state(weights), card)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_licence(card: Card, allow_noncommercial: bool) -> None:
    if not card.commercial and not allow_noncommercial:
        raise WeightsError(
            f"net.weights: {card.source} may not be used commercially ({card.license}); "
            "set net.allow_noncommercial=true if that suits you, or choose other weights"
        )


@torch.no_grad()
def fit(net: nn.Module, weights: Weights, head: frozenset[str], labels: tuple[str, ...]) -> Match:
    """Copy weights into the net by name. The head is copied only if the weights know the very same labels.

    Raises:
        WeightsError: a layer outside the head has no namesake, or one of another shape (Caffe keeps it random
            without a word, or aborts).
    """
    keep_head = bool(weights.card.labels) and weights.card.labels == labels
    targets = net.state_dict(keep_vars=True)
    matched, random = [], []
    for name, target in targets.items():
        if name in head and not keep_head:
            random.append(name)
            continue
        found = weights.state.get(name)
        if found is None and name.endswith("num_batches_tracked"):
            continue
        if found is None:
            raise WeightsError(_no_namesake(weights, targets, name))
        if found.shape != target.shape:
            raise WeightsError(
                f"net.weights: {name} is {_shape(found)} in {weights.card.source}, {_shape(target)} in the net; "
                "these weights are for another net, set net.name to theirs"
            )
        target.data.copy_(found)
        matched.append(name)
    taken = set(matched)
    return Match(tuple(matched), tuple(n for n in weights.state if n not in taken), tuple(random))


def _no_namesake(weights: Weights, targets: Mapping[str, Tensor], name: str) -> str:
    missing = sum(1 for n in targets if n not in weights.state and not n.endswith("num_batches_tracked"))
    return (
        f"net.weights: {weights.card.source} has no {name} ({missing} of the net's {len(targets)} blobs are missing; "
        f"it has {_names(tuple(weights.state)[:3])}, ...); these weights are for another net, set net.name to theirs"
    )


def _shape(tensor: Tensor) -> str:
    return "x".join(str(n) for n in tensor.shape) or "one value"


def _names(names: tuple[str, ...], limit: int = 4) -> str:
    if not names:
        return "none"
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def count(net: nn.Module) -> int:
    """Number of learnable values."""
    return sum(math.prod(p.shape) for p in net.parameters())
