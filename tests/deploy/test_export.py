import copy
import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from galao.deploy import export as module
from galao.deploy.backends import OnnxBackend
from galao.deploy.bundle import Bundle
from galao.deploy.export import Parity, check_parity, export_onnx
from galao.deploy.predictor import Predictor
from galao.errors import BundleError


def small_net(seed: int = 1) -> nn.Sequential:
    """A net with what tells train from eval mode apart: batch norm with statistics, and dropout."""
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(8, 6),
    )
    with torch.no_grad():
        net(torch.randn(8, 3, 32, 32))
        net[6].weight.mul_(5)
    return net


def arrays(n: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(n).normal(size=(n, 3, size, size)).astype(np.float32)


@pytest.fixture(scope="module")
def net() -> nn.Sequential:
    return small_net()


@pytest.fixture(scope="module")
def exported(net: nn.Sequential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    export_onnx(net, 32, path)
    return path


def test_the_exported_net_gives_the_nets_answers_for_any_batch(net: nn.Sequential, exported: Path):
    for n in (1, 2, 19):
        parity = check_parity(net, exported, arrays(n))
        assert (parity.n, parity.top1_equal) == (n, n)
        assert parity.max_difference < 1e-5


def test_the_net_is_left_as_it_was(tmp_path: Path):
    net = small_net().train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    before = copy.deepcopy(net.state_dict())
    export_onnx(net, 32, tmp_path / "model.onnx")
    check_parity(net, tmp_path / "model.onnx", arrays(2))
    assert net.training
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert net[0].weight.requires_grad
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_a_half_precision_net_is_exported_in_float32(tmp_path: Path):
    net = small_net().half()
    export_onnx(net, 32, tmp_path / "model.onnx")
    assert check_parity(net, tmp_path / "model.onnx", arrays(3)).top1_equal == 3


def test_one_file_is_written_with_the_agreed_names_and_no_paths_of_this_machine(exported: Path):
    import onnx

    assert [path.name for path in exported.parent.iterdir()] == ["model.onnx"]
    graph = onnx.load(exported).graph
    assert [one.name for one in graph.input] == ["images"]
    assert [one.name for one in graph.output] == ["logits"]
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert b"site-packages" not in exported.read_bytes()
    assert b"stack_trace" not in exported.read_bytes()


def test_nothing_is_printed(net: nn.Sequential, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    export_onnx(net, 32, tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")


def test_another_net_is_refused_in_one_line(exported: Path):
    with pytest.raises(BundleError, match=r"disagrees with the net: \d+ of 16 first answers are equal") as error:
        check_parity(small_net(seed=2), exported, arrays(16))
    assert "\n" not in str(error.value)


def test_probabilities_that_drift_are_refused_even_where_the_first_answers_agree(net: nn.Sequential, exported: Path):
    drifted = copy.deepcopy(net)
    with torch.no_grad():
        drifted[6].weight.mul_(1.5)
        drifted[6].bias.mul_(1.5)
    with pytest.raises(BundleError, match="16 of 16 first answers are equal, probabilities differ by up to 0"):
        check_parity(drifted, exported, arrays(16))


def test_a_tie_that_the_net_cannot_part_is_no_disagreement():
    expected = np.array([[0.4, 0.4, 0.2], [0.5, 0.3, 0.2]], np.float32)
    found = np.array([[0.399999, 0.400001, 0.2], [0.3, 0.5, 0.2]], np.float32)
    assert module._compare(expected, found) == Parity(2, 1, pytest.approx(0.2))


def test_parity_needs_a_picture(net: nn.Sequential, exported: Path):
    with pytest.raises(ValueError, match="at least one picture"):
        check_parity(net, exported, arrays(0))


def test_a_full_disk_leaves_the_earlier_file(tmp_path: Path, net: nn.Sequential, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "model.onnx").write_bytes(b"earlier")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BundleError, match="No space left on device"):
        export_onnx(net, 32, tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert (tmp_path / "model.onnx").read_bytes() == b"earlier"


def test_a_net_that_onnx_cannot_express_is_one_line(tmp_path: Path):
    class Awkward(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum().item() > 0 else -x

    with pytest.raises(BundleError, match="cannot write Awkward as ONNX") as error:
        export_onnx(Awkward(), 32, tmp_path / "model.onnx")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_net_over_two_gigabytes_is_refused_before_the_work(tmp_path: Path):
    with torch.device("meta"):
        huge = nn.Linear(30_000, 20_000)
    with pytest.raises(BundleError, match=r"2\.4 GB"):
        export_onnx(huge, 32, tmp_path / "model.onnx")


def test_both_backends_of_one_bundle_agree(tmp_path: Path, build_bundle: Callable[..., Bundle]):
    from safetensors.torch import save_file

    from galao.nets import zoo
    from galao.pictures.prepare import Preprocessing

    torch.manual_seed(3)
    net = zoo.build("squeezenet1_1", 6)
    export_onnx(net, 64, tmp_path / "model.onnx")
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    files = {name: tmp_path / name for name in ("model.onnx", "model.safetensors")}
    how = Preprocessing(crop_size=64, short_side=72)
    folder = build_bundle(tmp_path / "b", net="squeezenet1_1", files=files, preprocessing=how).folder
    pictures = arrays(3, 64)
    by_onnx, by_torch = (Predictor.load(folder, backend=name).probabilities(pictures) for name in ("onnx", "torch"))
    np.testing.assert_allclose(by_onnx, by_torch, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["mobilenet_v3_small", "mobilenet_v2", "squeezenet1_1", "resnet18", "vit_b_16", "inception_v3", "googlenet"]
)
def test_nets_of_the_zoo_survive_the_export(tmp_path: Path, name: str):
    from galao.nets import zoo

    torch.manual_seed(4)
    net = zoo.build(name, 24)
    with torch.no_grad():  # random heads answer everything alike: spread them
        for parameter in list(net.parameters())[-2:]:
            parameter.normal_(std=0.5)
    size = 299 if name == "inception_v3" else 224
    export_onnx(net, size, tmp_path / "model.onnx")
    assert check_parity(net, tmp_path / "model.onnx", arrays(5, size)).n == 5
    assert OnnxBackend(tmp_path / "model.onnx").logits(arrays(1, size)).shape == (1, 24)
