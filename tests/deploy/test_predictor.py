import io
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from galao.deploy import predictor as module
from galao.deploy.backends import OnnxBackend
from galao.deploy.bundle import Bundle, load_bundle
from galao.deploy.predictor import Predictor
from galao.errors import BrokenPicture, BundleError, DeviceError, GalaoError, PictureError, TooLarge, UnsupportedPicture
from galao.pictures.decode import Limits, decode
from galao.pictures.prepare import prepare

Picture = Callable[..., bytes]


@pytest.fixture
def predictor(tiny_bundle: Path) -> Predictor:
    return Predictor.load(tiny_bundle, backend="onnx", threads=1)


class Constant:
    """A backend that answers the same logits for every picture."""

    name = "constant"

    def __init__(self, *logits: float) -> None:
        self.row = np.array(logits, np.float32)
        self.sizes: list[int] = []

    def logits(self, images: np.ndarray) -> np.ndarray:
        self.sizes.append(len(images))
        return np.tile(self.row, (len(images), 1))


@pytest.mark.parametrize("colour", ["red", "green", "blue", "yellow", "cyan", "magenta"])
def test_a_picture_is_named_by_its_colour(predictor: Predictor, colour_picture: Picture, colour: str):
    (answers,) = predictor.predict([decode(colour_picture(colour)).image])
    assert answers[0].label == f"plain_{colour}"
    assert answers[0].name == f"Plain {colour}"
    assert len(answers) == 5
    assert answers == sorted(answers, key=lambda one: -one.confidence)


def test_top_k_is_how_many_answers_come(predictor: Predictor, colour_picture: Picture):
    image = decode(colour_picture()).image
    assert [len(predictor.predict([image], top_k=k)[0]) for k in (1, 6, 50)] == [1, 6, 6]


def test_no_picture_is_no_answer(predictor: Predictor):
    assert predictor.predict([]) == []
    assert predictor.probabilities(np.zeros((0, 3, 32, 32), np.float32)).shape == (0, 6)


def test_many_arrays_are_answered_sixteen_at_a_time(tiny_bundle: Path):
    backend = Constant(0, 0, 0, 0, 0, 9)
    probabilities = Predictor(load_bundle(tiny_bundle), backend).probabilities(np.zeros((35, 3, 32, 32), np.float32))
    assert probabilities.shape == (35, 6)
    assert backend.sizes == [16, 16, 3]


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 3, 31, 32), (1, 1, 32, 32)])
def test_arrays_of_another_shape_are_refused(predictor: Predictor, shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"\[N,3,32,32\]"):
        predictor.probabilities(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_arrays_that_are_not_finite_are_refused(predictor: Predictor, value: float):
    with pytest.raises(PictureError, match="not finite"):
        predictor.probabilities(np.full((1, 3, 32, 32), value, np.float32))


def test_logits_that_are_not_finite_are_refused(tiny_bundle: Path):
    with pytest.raises(GalaoError, match="not finite"):
        Predictor(load_bundle(tiny_bundle), Constant(0, 0, 0, 0, 0, np.nan)).warm_up()


def test_a_net_with_another_number_of_outputs_is_refused(tiny_bundle: Path):
    with pytest.raises(BundleError, match=r"answers \[1, 2\] for \[1, 6\]"):
        Predictor(load_bundle(tiny_bundle), Constant(0, 1)).warm_up()


def test_a_bundle_of_another_task_is_refused(tmp_path: Path, build_bundle: Callable[..., Bundle]):
    bundle = build_bundle(tmp_path / "b", task="detect")
    with pytest.raises(BundleError, match="'detect'"):
        Predictor(bundle, Constant(0))


def test_files_and_bytes_are_answered_in_order_and_broken_ones_carry_their_error(
    predictor: Predictor, colour_picture: Picture, tmp_path: Path
):
    (tmp_path / "blue.png").write_bytes(colour_picture("blue", "PNG"))
    (tmp_path / "cut.jpg").write_bytes(colour_picture("red", size=(640, 480))[:900])
    sources = [tmp_path / "blue.png", tmp_path / "cut.jpg", colour_picture("red"), b"some text", tmp_path / "gone.jpg"]
    blue, cut, red, text, gone = predictor.predict_sources(sources, top_k=1)
    assert [one.label for one in blue.predictions] == ["plain_blue"]
    assert (blue.source, blue.width, blue.height, blue.format) == (tmp_path / "blue.png", 64, 48, "png")
    assert [one.label for one in red.predictions] == ["plain_red"]
    assert isinstance(cut.error, BrokenPicture)
    assert isinstance(text.error, UnsupportedPicture)
    assert type(gone.error) is PictureError
    assert not cut.predictions


def test_limits_apply_to_each_source(predictor: Predictor, colour_picture: Picture):
    (answer,) = predictor.predict_sources([colour_picture()], limits=Limits(max_bytes=100))
    assert isinstance(answer.error, TooLarge)


def test_a_served_answer_equals_the_prepared_arrays_answer(predictor: Predictor):
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (90, 120, 3), np.uint8))
    stream = io.BytesIO()
    noise.save(stream, "PNG")
    (served,) = predictor.predict_sources([stream.getvalue()], top_k=6)
    array = prepare(noise, predictor.bundle.preprocessing)
    (expected,) = predictor.answers(predictor.probabilities(array[None]), 6)
    assert served.predictions == expected


def test_sources_are_read_as_they_are_answered(predictor: Predictor, colour_picture: Picture):
    taken = 0

    def sources() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield colour_picture()

    answers = predictor.predict_sources(sources())
    next(answers)
    assert taken == 16


def test_one_decoded_picture_is_held_at_a_time(
    predictor: Predictor, colour_picture: Picture, monkeypatch: pytest.MonkeyPatch
):
    alive: list[weakref.ref[Image.Image]] = []
    most = 0

    def watched(*arguments: object, **options: object) -> object:
        nonlocal most
        decoded = decode(*arguments, **options)  # type: ignore[arg-type]
        alive.append(weakref.ref(decoded.image))
        most = max(most, sum(one() is not None for one in alive))
        return decoded

    monkeypatch.setattr(module, "decode", watched)
    assert len(list(predictor.predict_sources([colour_picture()] * 20))) == 20
    assert most <= 2


def test_auto_is_onnx_without_a_gpu(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "cuda_present", lambda: False)
    assert Predictor.load(tiny_bundle).backend.name == "onnx"


def test_auto_is_torch_with_a_gpu_and_onnx_when_torch_cannot_use_it(
    tmp_path: Path, build_bundle: Callable[..., Bundle], colour_net: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "w").write_bytes(b"weights")
    bundle = build_bundle(tmp_path / "b", files={"model.onnx": colour_net, "model.safetensors": tmp_path / "w"})
    monkeypatch.setattr(module, "cuda_present", lambda: True)
    monkeypatch.setattr(module, "TorchBackend", lambda *_: Constant(0))
    assert Predictor.load(bundle.folder).backend.name == "constant"

    def no_cuda(*_: object) -> None:
        raise DeviceError("torch finds no device 'cuda'")

    monkeypatch.setattr(module, "TorchBackend", no_cuda)
    assert isinstance(Predictor.load(bundle.folder).backend, OnnxBackend)


def test_an_unknown_backend_and_an_absent_one_are_one_line(tiny_bundle: Path):
    with pytest.raises(BundleError, match="no backend called 'gpu'"):
        Predictor.load(tiny_bundle, backend="gpu")
    with pytest.raises(BundleError, match=r"holds no model\.safetensors"):
        Predictor.load(tiny_bundle, backend="torch")
