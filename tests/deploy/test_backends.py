import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from galao.deploy import backends
from galao.deploy.backends import OnnxBackend, TorchBackend, cuda_present, usable_cores
from galao.deploy.bundle import Bundle
from galao.errors import BundleError, DeviceError

IMAGES = np.random.default_rng(1).normal(size=(5, 3, 32, 32)).astype(np.float32)


def test_onnx_answers_any_number_of_pictures_alike(colour_net: Path):
    backend = OnnxBackend(colour_net, threads=1)
    together = backend.logits(IMAGES)
    assert together.shape == (5, 6)
    assert together.dtype == np.float32
    alone = np.concatenate([backend.logits(IMAGES[index : index + 1]) for index in range(5)])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_onnx_reads_strided_arrays(colour_net: Path):
    strided = np.ascontiguousarray(IMAGES.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    backend = OnnxBackend(colour_net, threads=1)
    np.testing.assert_array_equal(backend.logits(strided), backend.logits(IMAGES))


def test_onnx_answers_several_threads_at_once(colour_net: Path):
    backend = OnnxBackend(colour_net, threads=1)
    expected = backend.logits(IMAGES)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: backend.logits(IMAGES), range(100)):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("content", [b"", b"no onnx at all", b"\x80\x04\x95"])
def test_a_file_that_is_no_onnx_is_one_line(tmp_path: Path, content: bytes):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(BundleError, match=r"cannot load .*model\.onnx") as error:
        OnnxBackend(tmp_path / "model.onnx", threads=1)
    assert "\n" not in str(error.value)


def test_an_array_of_another_shape_is_refused_in_one_line(colour_net: Path):
    with pytest.raises(BundleError, match="refuses") as error:
        OnnxBackend(colour_net, threads=1).logits(np.zeros((1, 1, 32, 32), np.float32))
    assert "\n" not in str(error.value)


def test_weights_outside_the_bundle_are_not_read(tmp_path: Path, colour_net: Path):
    import onnx

    model = onnx.load(colour_net)
    (tmp_path / "secret").write_bytes(bytes(72))
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "../secret"
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(BundleError, match="cannot load"):
        OnnxBackend(tmp_path / "b" / "model.onnx", threads=1)


def test_a_net_with_two_outputs_is_refused(tmp_path: Path, colour_net: Path):
    import onnx

    model = onnx.load(colour_net)
    model.graph.output.append(onnx.helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["batch", 3]))
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(BundleError, match="1 inputs and 2 outputs"):
        OnnxBackend(tmp_path / "model.onnx", threads=1)


@pytest.mark.parametrize(("text", "cores"), [("200000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", 64)])
def test_a_containers_quota_bounds_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, cores: int):
    (tmp_path / "cpu.max").write_text(text)
    monkeypatch.setattr(backends, "CGROUP_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(backends.os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr(backends.os, "cpu_count", lambda: 64)
    assert usable_cores() == cores


def test_without_a_driver_no_gpu_is_present(monkeypatch: pytest.MonkeyPatch):
    def no_library(_: str) -> None:
        raise OSError("libcuda.so.1: cannot open shared object file")

    monkeypatch.setattr(backends.ctypes, "CDLL", no_library)
    assert cuda_present() is False


@pytest.mark.parametrize(("status", "devices", "present"), [(0, 2, True), (0, 0, False), (100, 2, False)])
def test_the_driver_is_asked_for_its_devices(monkeypatch: pytest.MonkeyPatch, status: int, devices: int, present: bool):
    class Driver:
        def cuInit(self, _: int) -> int:  # noqa: N802
            return status

        def cuDeviceGetCount(self, count: object) -> int:  # noqa: N802
            count._obj.value = devices  # type: ignore[attr-defined]
            return 0

    monkeypatch.setattr(backends.ctypes, "CDLL", lambda _: Driver())
    assert cuda_present() is present


def test_looking_for_a_gpu_and_running_onnx_load_no_torch(colour_net: Path):
    program = (
        "import sys, pathlib, numpy\n"
        "from galao.deploy.backends import OnnxBackend, cuda_present\n"
        "cuda_present()\n"
        "OnnxBackend(pathlib.Path(sys.argv[1]), 1).logits(numpy.zeros((1, 3, 32, 32), numpy.float32))\n"
        "print([name for name in ('torch', 'onnx', 'fastapi', 'yaml') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(colour_net)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


@pytest.fixture(scope="module")
def squeezenet(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Path]:
    """A squeezenet with random weights and six outputs, and its model.safetensors."""
    import torch
    from safetensors.torch import save_file

    from galao.nets import zoo

    torch.manual_seed(1)
    net = zoo.build("squeezenet1_1", 6).eval()
    path = tmp_path_factory.mktemp("squeezenet") / "model.safetensors"
    save_file(net.state_dict(), path)
    return net, path


@pytest.fixture
def torch_bundle(tmp_path: Path, build_bundle: Callable[..., Bundle], squeezenet: tuple[object, Path]) -> Bundle:
    return build_bundle(tmp_path / "torch", net="squeezenet1_1", files={"model.safetensors": squeezenet[1]})


def test_torch_answers_as_the_net_that_was_saved(torch_bundle: Bundle, squeezenet: tuple[object, Path]):
    import torch

    net = squeezenet[0]
    found = TorchBackend(torch_bundle, "cpu").logits(IMAGES)
    with torch.inference_mode():
        expected = net(torch.from_numpy(IMAGES)).numpy()  # type: ignore[operator]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_weights_of_another_net_are_one_line(
    tmp_path: Path, build_bundle: Callable[..., Bundle], squeezenet: tuple[object, Path]
):
    bundle = build_bundle(tmp_path / "b", net="mobilenet_v3_small", files={"model.safetensors": squeezenet[1]})
    with pytest.raises(BundleError, match="is not a mobilenet_v3_small with 6 outputs") as error:
        TorchBackend(bundle, "cpu")
    assert "\n" not in str(error.value)


def test_a_damaged_safetensors_is_one_line(tmp_path: Path, build_bundle: Callable[..., Bundle]):
    (tmp_path / "weights").write_bytes(b"\xff" * 100)
    bundle = build_bundle(tmp_path / "b", net="squeezenet1_1", files={"model.safetensors": tmp_path / "weights"})
    with pytest.raises(BundleError, match=r"model\.safetensors is not a squeezenet1_1"):
        TorchBackend(bundle, "cpu")


@pytest.mark.parametrize("device", ["cuda:99", "toaster", "meta"])
def test_a_device_that_is_not_there_is_named(torch_bundle: Bundle, device: str):
    with pytest.raises(DeviceError, match=device):
        TorchBackend(torch_bundle, device)


@pytest.mark.gpu
def test_the_gpu_gives_the_cpus_answers(torch_bundle: Bundle):
    on_cpu, on_gpu = TorchBackend(torch_bundle, "cpu").logits(IMAGES), TorchBackend(torch_bundle, "cuda").logits(IMAGES)
    assert on_gpu.dtype == np.float32
    np.testing.assert_allclose(on_gpu, on_cpu, atol=0.05)
