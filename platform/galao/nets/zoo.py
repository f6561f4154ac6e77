"""Nets by name: every classification net of torchvision."""

import difflib
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torchvision import models

from galao.errors import WeightsError
from galao.nets.card import Card, is_noncommercial, preprocessing_of

_NO_AUXILIARY: dict[str, dict[str, Any]] = {  # their second classifiers help nothing when fine-tuning
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}
_NONCOMMERCIAL = ("SWAG",)  # torchvision's SWAG weights are CC BY-NC 4.0
_TRANSFORM_INPUT = frozenset(_NO_AUXILIARY)  # torchvision's own weights of these expect inputs scaled once more


def names() -> list[str]:
    """Every net that ``build`` knows."""
    return list(models.list_models(module=models))


def build(name: str, num_output: int) -> nn.Module:
    """A net with random weights and ``num_output`` logits; input [N,3,H,W] float32, output [N,num_output].

    Raises:
        WeightsError: no net of that name; the nearest known ones are named.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
        raise WeightsError(
            f"net.name: no net called {name!r}; {'nearest: ' + ', '.join(near) if near else 'see torchvision'}"
        )
    net = models.get_model(name, weights=None, num_classes=num_output, **_NO_AUXILIARY.get(name, {}))
    assert isinstance(net, nn.Module)
    return net


class _WithoutMemory(TorchFunctionMode):
    """Parameters, which layers make with ``torch.empty``, get a shape but no memory; regnet computes with the rest."""

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def head_names(name: str) -> frozenset[str]:
    """The parameters whose shape depends on the number of classes."""
    with _WithoutMemory():
        two, three = build(name, 2), build(name, 3)
    other = {key: value.shape for key, value in three.state_dict().items()}
    return frozenset(key for key, value in two.state_dict().items() if other[key] != value.shape)


def torchvision_card(net: str, weights: str | None) -> tuple[Any, Card]:
    """The weights entry of torchvision and its card; ``weights`` None means the default ones.

    Raises:
        WeightsError: the net has no weights of that name; those it has are listed.
    """
    build_names = models.get_model_weights(net)
    if weights is not None and weights not in build_names.__members__:
        raise WeightsError(f"net.weights: {net} has no {weights}; it has {', '.join(build_names.__members__)}")
    entry = build_names[weights] if weights is not None else build_names.DEFAULT
    return entry, Card(f"torchvision {entry}", _license(entry), _preprocessing(net, entry), not _noncommercial(entry))


def _preprocessing(net: str, entry: Any) -> Any:
    transform = entry.transforms()
    mean, std = tuple(transform.mean), tuple(transform.std)
    if net in _TRANSFORM_INPUT:  # x -> (x * std + mean - .5) / .5 inside the net: the same as mean = std = .5 outside
        mean = std = (0.5, 0.5, 0.5)
    return preprocessing_of(transform.crop_size[0], transform.resize_size[0], mean, std)


def _noncommercial(entry: Any) -> bool:
    return any(mark in entry.name for mark in _NONCOMMERCIAL) or is_noncommercial(str(entry.meta.get("license", "")))


def _license(entry: Any) -> str:
    if _noncommercial(entry):
        return "CC BY-NC 4.0"
    return str(entry.meta.get("license", "torchvision weights: BSD-3-Clause code; ImageNet's terms for the data"))
