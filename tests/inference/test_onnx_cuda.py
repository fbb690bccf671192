"""ONNX Runtime on an NVIDIA GPU: the driver, the build of ONNX Runtime and its sessions are imitated."""

from __future__ import annotations

import json
import logging
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from segcli import device as paddle_device
from segcli import nvidia
from segcli.errors import MissingPartError
from segcli.inference.runtimes import devices, onnx_cuda, onnx_runtime
from segcli.inference.runtimes.devices import inference_device
from segcli.inference.runtimes.onnx_runtime import OnnxRuntime
from segcli.inference.runtimes.onnx_session import open_session
from segcli.nvidia import Gpu
from segcli.runtimes import is_importable, runtimes
from tests.bench import gpu

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch):
    for one in (devices._found, onnx_cuda.obstacle):
        one.cache_clear()
    monkeypatch.setattr(paddle_device, "_built_for_accelerators", lambda: False)
    monkeypatch.setattr(paddle_device, "gpus", lambda: ())
    yield
    for one in (devices._found, onnx_cuda.obstacle):
        one.cache_clear()


@pytest.fixture
def gpu_machine(monkeypatch: pytest.MonkeyPatch):
    """A function that makes this a machine with GPUs and a build of ONNX Runtime for CUDA."""

    def make(number: int = 1, *, cuda: str = "13.0", driver: tuple[int, int] = (13, 0), missing: str = "") -> None:
        here = tuple(Gpu("NVIDIA H100", 80 << 30) for _ in range(number))
        for module in (onnx_cuda, onnx_runtime):
            monkeypatch.setattr(module, "gpus", lambda: here)
        monkeypatch.setattr(onnx_cuda, "driver_cuda", lambda: driver)
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU] if cuda else [CPU])
        monkeypatch.setattr(onnxruntime, "cuda_version", cuda, raising=False)
        monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: sys.stdout.write(missing), raising=False)
        monkeypatch.setattr(onnx_cuda, "_CUDNN", None)  # opens the program itself

    return make


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What sessions are opened with; they run on the CPU and say that they run where they were asked to."""
    made: list[dict[str, Any]] = []
    real = onnxruntime.InferenceSession

    def open_one(source: Any, options: Any, **given: Any) -> Any:
        made.append({"source": source, "options": options, **given})
        session = real(source, options, providers=[CPU])
        names = [one if isinstance(one, str) else one[0] for one in given["providers"]]
        monkeypatch.setattr(session, "get_providers", lambda: names)
        return session

    monkeypatch.setattr(onnxruntime, "InferenceSession", open_one)
    return made


@pytest.fixture
def network(tmp_path: Path) -> Path:
    shape = [None, 3, None, None]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("x", "y")]
    node = onnx.helper.make_node("Add", ["x", "x"], ["y"])
    graph = onnx.helper.make_graph([node], "double", ends[:1], ends[1:])
    file = tmp_path / "network.onnx"
    opset = [onnx.helper.make_opsetid("", 13)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), str(file))
    return file


def test_a_gpu_that_onnx_runtime_can_use_is_taken_without_paddle(gpu_machine, caplog):
    gpu_machine(2)
    with caplog.at_level(logging.INFO):
        assert inference_device("gpu:1", strict=True) == "gpu:1"
        assert inference_device("gpu", "onnxruntime", strict=True) == "gpu"
        assert not caplog.messages
        assert inference_device("auto") == "gpu:0"
    assert caplog.messages == ["computing on gpu:0 (Global.device=cpu computes on the CPU)"]


def test_a_gpu_that_is_not_there_falls_back_with_one_warning(gpu_machine, caplog):
    gpu_machine(1)
    assert inference_device("gpu:7") == "cpu"
    assert inference_device("gpu:7", "auto", strict=False) == "cpu"
    assert caplog.messages == [
        "gpu:7 was requested, but this machine has only gpu:0 that a runtime can use; computing on the CPU"
    ]
    with pytest.raises(MissingPartError, match="only gpu:0 that a runtime can use"):
        inference_device("gpu:7", strict=True)


@pytest.mark.parametrize(
    "case",
    [
        ({"cuda": ""}, "built without CUDA", "pip uninstall -y onnxruntime onnxruntime-gpu`, then `pip install"),
        ({"driver": (12, 4)}, "built for CUDA 13.0, and NVIDIA's driver serves 12.4 at most", "a newer driver"),
        (
            {"missing": "Failed to load libcublas.so.13: no such file\nFailed to load /a/libcurand.so.10: x\n"},
            "ONNX Runtime finds no libcublas.so.13",
            'pip install "onnxruntime-gpu[cuda,cudnn]>=1.21"',
        ),
    ],
)
@pytest.mark.parametrize("device", ["gpu:0", "auto"])
def test_what_keeps_onnx_runtime_from_a_gpu_is_said_with_its_remedy(case, device, gpu_machine, caplog, capsys):
    machine, reason, remedy = case
    gpu_machine(**machine)
    assert inference_device(device) == "cpu"
    (message,) = caplog.messages
    assert reason in message and remedy in message and "libcurand" not in message
    assert not capsys.readouterr().out, "what onnxruntime prints would spoil --json"
    told = json.loads(onnx_cuda.gpus_as_json())
    assert reason in told["message"] and remedy in told["remedy"]


def test_a_missing_cudnn_is_noticed_before_the_first_convolution(gpu_machine, monkeypatch):
    gpu_machine()
    monkeypatch.setattr(onnx_cuda, "_CUDNN", "libcudnn_that_is_not_here.so.9")
    found = onnx_cuda.obstacle()
    assert found is not None and "finds no libcudnn_that_is_not_here.so.9" in found.message


def test_a_build_that_preloads_nothing_is_used_where_the_system_has_the_libraries(gpu_machine, monkeypatch):
    gpu_machine()
    monkeypatch.delattr(onnxruntime, "preload_dlls")
    assert onnx_cuda.obstacle() is None


def test_what_is_left_of_another_build_is_no_onnx_runtime(gpu_machine, monkeypatch, tmp_path):
    gpu_machine()
    (tmp_path / "left_over" / "capi").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    assert is_importable("onnxruntime") and not is_importable("left_over")
    monkeypatch.setattr("segcli.runtimes.find_spec", lambda _name: find_spec("left_over"))
    found = onnx_cuda.obstacle()
    assert found is not None and "is not installed" in found.message and "pip uninstall -y" in found.remedy


def test_a_benchmark_of_a_gpu_never_measures_the_cpu_in_its_place(tmp_path):
    with pytest.raises(MissingPartError, match="gpu:77 was requested"):
        gpu.row(tmp_path, "gpu:77", (8, 8))


def test_strict_names_what_is_missing(gpu_machine):
    gpu_machine(cuda="")
    with pytest.raises(MissingPartError, match="built without CUDA") as caught:
        inference_device("gpu:0", strict=True)
    assert "Global.device=cpu" in str(caught.value)


def test_a_machine_without_gpus_says_no_more_than_that(gpu_machine, caplog):
    gpu_machine(0)
    assert inference_device("auto") == "cpu" and not caplog.messages
    assert inference_device("gpu:0") == "cpu"
    assert caplog.messages == [
        "gpu:0 was requested, but this machine has no gpu that a runtime can use; computing on the CPU"
    ]


def test_openvino_never_takes_the_cpu_for_a_gpu_in_silence(gpu_machine, caplog):
    pytest.importorskip("openvino")
    gpu_machine()
    assert inference_device("gpu:0", "openvino") == "cpu"
    assert "openvino computes on the CPU alone" in caplog.text
    caplog.clear()
    assert inference_device("auto", "openvino") == "cpu" and not caplog.messages


@pytest.mark.skipif(not runtimes()["paddle"].is_installed, reason="Paddle is not installed")
def test_paddle_goes_first_and_nothing_else_is_loaded(monkeypatch):
    monkeypatch.setattr("segcli.inference.runtimes.paddle_runtime.device_count", lambda kind: 2 * (kind == "gpu"))
    monkeypatch.setattr(onnx_runtime, "obstacle", lambda: pytest.fail("ONNX Runtime was asked"))
    assert inference_device("gpu:1", strict=True) == "gpu:1"


def test_a_session_on_a_gpu_is_exact_and_keeps_nothing(network, sessions, monkeypatch, tmp_path):
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "cache"))
    runtime = OnnxRuntime(network, 1, device="gpu:3")
    images = np.ones((1, 3, 1200, 1200), np.float32)
    assert (runtime.run(images) == 2).all()
    ((provider, settings), second) = sessions[0]["providers"]
    assert (provider, second) == (CUDA, CPU)
    assert settings["device_id"] == 3 and settings["use_tf32"] == 0
    assert settings["cudnn_conv_algo_search"] == "EXHAUSTIVE" and settings["cudnn_conv_use_max_workspace"] == 0
    assert sessions[0]["enable_fallback"] == 0, "onnxruntime would retry on the CPU and print it"
    assert not list(tmp_path.rglob("*.optimised"))
    OnnxRuntime(network, 1)
    assert sessions[1]["providers"] == [CPU] and list(tmp_path.rglob("*.optimised"))


def test_a_session_that_fell_back_to_the_cpu_is_an_error(network, sessions, monkeypatch):
    real = onnxruntime.InferenceSession

    def falls_back(*given: Any, **options: Any) -> Any:
        session = real(*given, **options)
        monkeypatch.setattr(session, "get_providers", lambda: [CPU])
        return session

    monkeypatch.setattr(onnxruntime, "InferenceSession", falls_back)
    levels = []
    monkeypatch.setattr(onnxruntime, "set_default_logger_severity", levels.append)
    with pytest.raises(MissingPartError, match="cannot compute on gpu:0"):
        open_session(network, 1, device="gpu:0")
    assert len(sessions) == 2 and levels == [3, 2], "the second time it says why"


def test_the_driver_tells_of_its_gpus(monkeypatch):
    def give(reference: Any, value: int) -> int:
        reference._obj.value = value
        return 0

    def name(buffer: Any, _size: int, device: Any) -> int:
        buffer.value = b"NVIDIA H100 " + str(device.value).encode()
        return 0

    driver = SimpleNamespace(
        cuInit=lambda _flags: 0,
        cuDeviceGetCount=lambda reference: give(reference, 2),
        cuDriverGetVersion=lambda reference: give(reference, 12040),
        cuDeviceGet=give,
        cuDeviceGetName=name,
        cuDeviceTotalMem_v2=lambda reference, _device: give(reference, 80 << 30),
    )
    monkeypatch.setattr(nvidia.ctypes, "CDLL", lambda _name: driver)
    for one in (nvidia._driver, nvidia.gpus, nvidia.driver_cuda):
        one.cache_clear()
    try:
        assert [str(gpu) for gpu in nvidia.gpus()] == ["NVIDIA H100 0, 85.9 GB", "NVIDIA H100 1, 85.9 GB"]
        assert nvidia.driver_cuda() == (12, 4)
    finally:
        for one in (nvidia._driver, nvidia.gpus, nvidia.driver_cuda):
            one.cache_clear()


def test_asking_for_devices_imports_no_paddle(monkeypatch):
    monkeypatch.delitem(sys.modules, "paddle", raising=False)
    assert devices.device_count(devices.candidates("auto"), "npu") == 0
    assert "paddle" not in sys.modules
