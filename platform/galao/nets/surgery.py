"""What learns how fast: lr_mult and decay_mult by name pattern, freezing, and decay from the head downwards."""

import fnmatch

from torch import nn

from galao.config.net import NetConfig
from galao.errors import JobError

Multipliers = dict[str, tuple[float, float]]


def multipliers(
    net: nn.Module, config: NetConfig, layer_decay: float = 1.0, head: frozenset[str] = frozenset()
) -> Multipliers:
    """(lr_mult, decay_mult) of every learnable parameter by name; frozen ones have lr_mult 0.

    The pattern ``head`` stands for the parameters named in ``head``.

    Raises:
        JobError: a pattern that matches nothing.
    """
    names = [name for name, _ in net.named_parameters()]
    result = dict.fromkeys(names, (1.0, 1.0))
    for k, spec in enumerate(config.param):
        for name in _matching(names, spec.name, f"net.param.{k}.name", head):
            result[name] = (spec.lr_mult, spec.decay_mult)
    for k, pattern in enumerate(config.freeze):
        for name in _matching(names, pattern, f"net.freeze.{k}", head):
            result[name] = (0.0, result[name][1])
    if all(lr == 0 for lr, _ in result.values()):
        raise JobError("net.freeze and net.param leave nothing to learn; free at least the head")
    depth = _depths(names)
    top = max(depth.values())
    return {name: (lr * layer_decay ** (top - depth[name]), decay) for name, (lr, decay) in result.items()}


def freeze(net: nn.Module, rates: Multipliers, use_global_stats: bool = False) -> list[nn.Module]:
    """Switch off gradients where lr_mult is 0; return the batch norms that keep their statistics while training.

    Those are the ones whose parameters are all frozen, or with ``use_global_stats`` all.
    """
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(rates[name][0] != 0)
    return [
        module
        for module in net.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        and (use_global_stats or not any(parameter.requires_grad for parameter in module.parameters()))
    ]


def _matching(names: list[str], pattern: str, where: str, head: frozenset[str]) -> list[str]:
    found = [n for n in names if fnmatch.fnmatchcase(n, pattern) or (pattern == "head" and n in head)]
    if not found:
        raise JobError(f"{where}: {pattern!r} matches no parameter; names look like {names[0]}, or say head")
    return found


def _depths(names: list[str]) -> dict[str, int]:
    """Blocks from the input up, in the order in which the net registers them."""
    blocks: dict[str, int] = {}
    depth = {}
    for name in names:
        block = _block(name)
        depth[name] = blocks.setdefault(block, len(blocks))
    return depth


def _block(name: str) -> str:
    """``features.3`` of ``features.3.block.0.weight``, ``encoder.layers.encoder_layer_2`` of a transformer."""
    parts = name.split(".")
    kept = 3 if len(parts) > 2 and parts[1] == "layers" else 2
    return ".".join(parts[: min(kept, len(parts) - 1)]) or name
