"""What many tests need: a real, tiny bundle made without torch, and pictures of one colour."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from galao.deploy.bundle import Bundle, save_bundle
from galao.lists.listfile import Label
from galao.pictures.prepare import Preprocessing

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
}


def write_colour_net(path: Path) -> None:
    """An ONNX model [N,3,32,32] -> [N,6]: global average pooling, then one matrix of the six colours."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    directions = np.array([[1.0 if value else -1.0 for value in rgb] for rgb in COLOURS.values()], np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"], axis=1),
        helper.make_node("Gemm", ["features", "weight", "bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 32, 32])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(COLOURS)])],
        [
            numpy_helper.from_array(directions, "weight"),
            numpy_helper.from_array(np.linspace(0.05, 0.0, len(COLOURS), dtype=np.float32), "bias"),
        ],
    )
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10, producer_name="galao-tests")
    onnx.checker.check_model(model)
    onnx.save(model, path)


@pytest.fixture(scope="session")
def colour_net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a small model.onnx that tells six colours apart."""
    path = tmp_path_factory.mktemp("net") / "model.onnx"
    write_colour_net(path)
    return path


@pytest.fixture
def build_bundle(colour_net: Path) -> Callable[..., Bundle]:
    """A function that writes a tiny bundle to a folder: ``build_bundle(folder, name="colours", version="1")``."""

    def build(folder: Path, **changes: object) -> Bundle:
        values: dict[str, object] = {
            "name": "colours",
            "version": "1",
            "task": "classify",
            "net": "colours",
            "labels": [Label(f"plain_{colour}", f"Plain {colour}") for colour in COLOURS],
            "preprocessing": Preprocessing(
                crop_size=32, short_side=36, mean=(127.5, 127.5, 127.5), scale=(1 / 64, 1 / 64, 1 / 64)
            ),
            "metrics": {"top1": 1.0, "n": 6},
            "license": "Apache-2.0",
            "weights": "none",
            "files": {"model.onnx": colour_net},
        }
        return save_bundle(folder, **(values | changes))  # type: ignore[arg-type]

    return build


@pytest.fixture
def tiny_bundle(tmp_path: Path, build_bundle: Callable[..., Bundle]) -> Path:
    """The folder of a bundle with 6 classes and crop 32 whose answers depend on the picture's colour."""
    return build_bundle(tmp_path / "bundle").folder


@pytest.fixture
def colour_picture() -> Callable[..., bytes]:
    """A function that encodes a picture of one colour: ``colour_picture("red", "JPEG", (64, 48))``."""

    def encode(colour: str = "red", kind: str = "JPEG", size: tuple[int, int] = (64, 48)) -> bytes:
        stream = io.BytesIO()
        Image.new("RGB", size, COLOURS[colour]).save(stream, kind)
        return stream.getvalue()

    return encode


STRIPES = ("level", "upright", "diagonal")


def _stripes(kind: int, seed: int, side: int = 48) -> Image.Image:
    """A picture of one kind of stripes, in a colour and a phase that say nothing of the kind."""
    chance = np.random.default_rng([kind, seed])
    y, x = np.mgrid[:side, :side]
    wave = np.sin(((y, x, x + y)[kind] / 1.5) + chance.uniform(0, 6))
    colour = chance.uniform(40, 200, 3)
    pixels = colour + 50 * wave[..., None] + chance.normal(0, 12, (side, side, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _write_stripes(folder: Path, per_class: dict[str, int]) -> Path:
    """Lists such as train.txt with that many pictures of each kind; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in STRIPES))
    for k, (phase, count) in enumerate(per_class.items()):
        lines = []
        for kind in range(len(STRIPES)):
            for number in range(count):
                name = f"{phase}_{kind}_{number}.png"
                _stripes(kind, 1000 * k + number).save(folder / name)
                lines.append(f"{name} {kind}\n")
        (folder / f"{phase}.txt").write_text("".join(lines))
    return folder


@pytest.fixture(scope="session")
def write_stripes() -> Callable[[Path, dict[str, int]], Path]:
    """Writes a small data set of striped pictures into a folder: lists beside labels.txt."""
    return _write_stripes
