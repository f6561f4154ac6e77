"""What runs a net: ONNX Runtime on a CPU, torch on a GPU. Torch is imported only when it is asked for."""

import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from galao.deploy.bundle import SAFETENSORS, Bundle
from galao.errors import BundleError, DeviceError

if TYPE_CHECKING:
    import torch

CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")
LOG_ERRORS_ONLY = 3


class Backend(Protocol):
    """A loaded net: pictures as arrays in, logits out. Safe to call from several threads."""

    name: str

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn ``images [N,3,H,W] float32`` into ``logits [N,C] float32``."""
        ...


class OnnxBackend:
    """``model.onnx`` on ONNX Runtime's CPU provider; starts in a fraction of a second, needs no torch."""

    name = "onnx"

    def __init__(self, path: Path, threads: int | None = None) -> None:
        """Load the model; ``threads`` is how many cores one batch may use (None: all that this process may).

        Raises:
            BundleError: the file is no ONNX model that this runtime can run.
        """
        import onnxruntime  # noqa: PLC0415

        onnxruntime.set_default_logger_severity(LOG_ERRORS_ONLY)
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = threads or usable_cores()
        options.inter_op_num_threads = 1
        # threads that spin between two operators double the latency as soon as the cores are shared (22 against 11 ms)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = LOG_ERRORS_ONLY
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise BundleError(f"cannot load {path}: {_one_line(error)}; export the bundle again") from None
        self._path = path
        self._input = self._only_input()

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn ``images [N,3,H,W] float32`` into ``logits [N,C] float32``.

        Raises:
            BundleError: the model does not take such arrays; the bundle disagrees with itself.
        """
        try:
            outputs = self._session.run(None, {self._input: np.ascontiguousarray(images, dtype=np.float32)})
        except Exception as error:
            raise BundleError(f"{self._path} refuses {images.shape}: {_one_line(error)}; export it again") from None
        return np.asarray(outputs[0], dtype=np.float32)

    def _only_input(self) -> str:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise BundleError(f"{self._path} has {len(inputs)} inputs and {len(outputs)} outputs; one of each is ours")
        return str(inputs[0].name)


class TorchBackend:
    """``model.safetensors`` in the net of the zoo; on CUDA in bf16 and channels_last, logits in float32."""

    name = "torch"

    def __init__(self, bundle: Bundle, device: str = "auto") -> None:
        """Build the net, load the weights and move them to ``device``: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.

        Raises:
            DeviceError: the device is not there.
            BundleError: the weights do not belong to the net that the bundle names.
        """
        weights = bundle.file(SAFETENSORS)  # before torch takes its seconds
        import torch  # noqa: PLC0415

        self._torch = torch
        self._device = _find_device(device)
        self._cuda = self._device.type == "cuda"
        net = _load_net(bundle, weights)
        layout = torch.channels_last if self._cuda else torch.contiguous_format
        self._net = net.to(device=self._device, memory_format=layout)  # type: ignore[call-overload]

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn ``images [N,3,H,W] float32`` into ``logits [N,C] float32``.

        Raises:
            DeviceError: the device has no memory left for the batch.
        """
        torch = self._torch
        try:
            with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=self._cuda):
                batch = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).to(self._device)
                batch = batch.to(memory_format=torch.channels_last) if self._cuda else batch
                return np.asarray(self._net(batch).float().cpu().numpy())
        except torch.OutOfMemoryError:
            raise DeviceError(
                f"no memory left on {self._device} for {len(images)} pictures; send fewer at once"
            ) from None


def cuda_present() -> bool:
    """Say whether the driver finds a CUDA device, without importing torch."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        count = ctypes.c_int(0)
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except (OSError, AttributeError):
        return False


def usable_cores() -> int:
    """Return how many cores this process may keep busy: its affinity, and its container's quota if it has one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _quota()))


def _quota() -> int:
    try:
        quota, period = CGROUP_QUOTA.read_text(encoding="ascii").split()
        return round(int(quota) / int(period))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return os.cpu_count() or 1


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _find_device(device: str) -> "torch.device":
    import torch  # noqa: PLC0415

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
    except RuntimeError:
        raise DeviceError(f"there is no device called {device!r}; use auto, cpu or cuda") from None
    if found.type not in ("cpu", "cuda"):
        raise DeviceError(f"the device {device!r} is not supported; use auto, cpu or cuda")
    if found.type == "cuda" and (not torch.cuda.is_available() or (found.index or 0) >= torch.cuda.device_count()):
        raise DeviceError(f"torch finds no device {device!r}; use cpu, or install the driver and a CUDA build of torch")
    return found


def _load_net(bundle: Bundle, path: Path) -> "torch.nn.Module":
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415

    from galao.nets import zoo  # noqa: PLC0415

    net: torch.nn.Module = zoo.build(bundle.net, bundle.num_output)
    try:
        state: dict[str, Any] = load_file(path)
        net.load_state_dict(state, strict=True)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise BundleError(
            f"{path} is not a {bundle.net} with {bundle.num_output} outputs: {_one_line(error)}"
        ) from None
    return net.eval()
