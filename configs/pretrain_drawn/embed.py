"""Pack a bundle's backbone as embedded weights: without its head, matrices in float16, with a card beside it.

    python configs/pretrain_drawn/embed.py runs/pretrain_drawn/bundle

Writes platform/galao/nets/embedded/<net>.safetensors and .json.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from galao.deploy.bundle import SAFETENSORS, load_bundle
from galao.nets.source import EMBEDDED
from galao.nets.zoo import head_names


def pack(tensor: torch.Tensor) -> torch.Tensor:
    """Matrices and kernels in half precision; biases and batch-norm statistics as they are."""
    return tensor.half() if tensor.is_floating_point() and tensor.ndim >= 2 else tensor


def main(folder: Path) -> None:
    """Write the backbone of the bundle in ``folder`` and its card."""
    bundle = load_bundle(folder)
    head = head_names(bundle.net)
    state = {name: pack(t) for name, t in load_file(bundle.file(SAFETENSORS)).items() if name not in head}
    EMBEDDED.mkdir(exist_ok=True)
    weights = EMBEDDED / f"{bundle.net}.safetensors"
    save_file(state, weights)
    card = {
        "source": f"embedded {bundle.net}, pretrained on drawn flora ({bundle.num_output} genera)",
        "license": "Apache-2.0",
        "commercial": True,
        "preprocessing": bundle.preprocessing.to_json(),
        "job": "configs/pretrain_drawn/job.yaml",
        "val_top1": bundle.metrics.get("val_top1"),
    }
    weights.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(f"{weights}: {weights.stat().st_size:,} bytes, {len(state)} tensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
