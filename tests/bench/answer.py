"""Milliseconds per answer: a bundle through galao, and the same net as one would write it with torch and torchvision.

    python tests/bench/answer.py BUNDLE PICTURES [--rounds 7] [--count 40]

Both decode the file, resize, crop, normalise, run one picture at a time and take the softmax, with one thread, in
turns in one process; medians over rounds, with the fastest and the slowest.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision.transforms import v2

from galao.deploy.bundle import SAFETENSORS, find_bundle, load_bundle
from galao.deploy.predictor import Predictor, open_backend
from galao.nets.zoo import build
from galao.pictures.decode import decode


def ours(folder: Path) -> Callable[[Path], int]:
    """The way of `galao classify` and the service."""
    bundle = load_bundle(folder)
    predictor = Predictor(bundle, open_backend(bundle, "onnx", 1))

    def answer(path: Path) -> int:
        picture = decode(path, short_side=bundle.preprocessing.decode_side)
        return predictor.predict([picture.image])[0][0].index

    return answer


def obvious(folder: Path) -> Callable[[Path], int]:
    """The way of a tutorial: Pillow, torchvision transforms, torch eager."""
    bundle = load_bundle(folder)
    how = bundle.preprocessing
    net = build(bundle.net, bundle.num_output)
    net.load_state_dict(load_file(bundle.file(SAFETENSORS)))
    net.eval()
    transform = v2.Compose(
        [
            v2.Resize(how.short_side),
            v2.CenterCrop(how.crop_size),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([m / 255 for m in how.mean], [1 / (255 * s) for s in how.scale]),
        ]
    )

    @torch.inference_mode()
    def answer(path: Path) -> int:
        picture = Image.open(path).convert("RGB")
        return int(torch.softmax(net(transform(picture)[None]), 1).argmax())

    return answer


def main() -> None:
    """Time both in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=40)
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder = find_bundle(given.bundle)
    paths = sorted(p for p in given.pictures.rglob("*") if p.suffix.lower() in (".jpg", ".png", ".webp"))[: given.count]
    ways = {"galao (ONNX Runtime)": ours(folder), "obvious (torch eager)": obvious(folder)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    same = 0
    for round_ in range(given.rounds + 1):
        answers = {}
        for name, way in ways.items():
            started = time.perf_counter()
            answers[name] = [way(path) for path in paths]
            if round_:  # the first one warms up
                times[name].append(1000 * (time.perf_counter() - started) / len(paths))
        first, second = answers.values()
        same = sum(a == b for a, b in zip(first, second, strict=True))
    for name, values in times.items():
        print(f"{name:22} {statistics.median(values):6.2f} ms a picture (from {min(values):.2f} to {max(values):.2f})")
    first, second = (statistics.median(values) for values in times.values())
    print(
        f"ratio {second / first:.1f} over {given.rounds} rounds of {len(paths)}; "
        f"same first answer {same} of {len(paths)}"
    )


if __name__ == "__main__":
    main()
