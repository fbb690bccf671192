"""Paddle's own inference."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segcli.config.check import parse_device
from segcli.cpu import prepare_cpu
from segcli.device import device_count
from segcli.errors import MissingPartError
from segcli.inference.graphs import Graph
from segcli.inference.on_device import OnDevice
from segcli.inference.paddle_weights import require_whole
from segcli.inference.precision import FULL, Precision
from segcli.inference.preprocess import NetworkInput
from segcli.inference.runtimes.onednn import PLACEMENT_PASS, can_place
from segcli.inference.runtimes.protocol import naming_file

if TYPE_CHECKING:
    from paddle import Tensor

log = logging.getLogger("segcli.predict")

_GPU_POOL_MB = 256
_GPU_KINDS = ("gpu", "dcu")
"""Kinds of devices that Paddle treats as GPUs."""
_PRECISIONS = {"fp32": "Float32", "fp16": "Half", "bf16": "Bfloat16"}
"""Paddle's names of the numbers."""


def open_graph(graph: Graph, file: Path, device: str, threads: int) -> PaddleRuntime:
    """Opens a Paddle program; see `segcli.inference.runtimes.protocol.RuntimeModule`."""
    assert graph.weights is not None
    require_whole(graph.weights)
    return PaddleRuntime(file, graph.weights, device, threads, onednn=graph.onednn, precision=graph.precision)


class PaddleRuntime:
    """Runs a Paddle program on the CPU or another device; see `segcli.inference.runtimes.protocol.Runtime`.

    Args:
        program: ``.json`` or ``.pdmodel`` file.
        weights: ``.pdiparams`` file.
        device: ``cpu``, ``gpu:0``, ``npu:0``, ...
        threads: Number of threads on the CPU.
        onednn: Whether oneDNN may be used on the CPU.
        precision: Numbers that it computes with on a device other than the CPU.

    Raises:
        MissingPartError: The installed Paddle does not support the device.
    """

    name = "paddle"

    def __init__(
        self,
        program: Path,
        weights: Path,
        device: str,
        threads: int,
        *,
        onednn: bool = True,
        precision: Precision = FULL,
    ) -> None:
        self.file = program
        self._files = program, weights
        self._threads = threads
        kind, ids = parse_device(device)
        self._may_fall_back = onednn and kind == "cpu"
        self._accelerator = kind != "cpu"
        if kind == "cpu":
            prepare_cpu()
            self._predictor = (_on_cpu if onednn else _without_onednn)(program, weights, threads)
        else:
            self._predictor = _on_accelerator(program, weights, kind, ids[0] if ids else 0, precision)

    @naming_file
    def run(self, images: NetworkInput) -> NDArray[Any]:
        """The first output of the network."""
        self._forward({self._predictor.get_input_names()[0]: images})
        return self._output(self._predictor.get_output_names()[0])

    @property
    def on_device(self) -> OnDevice | None:
        """The network as a function that computes the argmax over the classes on its device; None on the CPU."""
        return OnDevice(self.tensor) if self._accelerator else None

    @naming_file
    def tensor(self, images: NetworkInput) -> Tensor:
        """The first output of the network, left on its device."""
        import paddle

        found: Tensor = self._predictor.run([paddle.to_tensor(np.ascontiguousarray(images))])[0]
        return found

    @naming_file
    def run_named(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs of a network with several inputs."""
        self._forward(inputs)
        return [self._output(name) for name in self._predictor.get_output_names()]

    def _output(self, name: str) -> NDArray[Any]:
        return np.asarray(self._predictor.get_output_handle(name).copy_to_cpu())

    def _forward(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Runs the network; without oneDNN from then on where it fails with it."""
        try:
            self._feed_and_run(inputs)
        except RuntimeError as fault:
            if not self._may_fall_back:
                raise
            # with oneDNN some networks (MaskRCNN-ResNet50) can be opened but fail in their first run
            log.info("%s runs without oneDNN: %s", self._files[0], fault)
            self._may_fall_back = False
            self._predictor = _without_onednn(*self._files, self._threads)
            self._feed_and_run(inputs)

    def _feed_and_run(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        for name, value in inputs.items():
            self._predictor.get_input_handle(name).copy_from_cpu(np.ascontiguousarray(value))
        self._predictor.run()


def _on_accelerator(program: Path, weights: Path, kind: str, device_id: int, precision: Precision) -> Any:
    """A predictor on a device other than the CPU; without the check Paddle would silently use the CPU."""
    from paddle import inference

    if device_count(kind) <= device_id:
        raise MissingPartError(
            f"the installed Paddle does not support {kind}:{device_id}",
            hint="`segcli doctor` lists the devices; Global.device=cpu (--device cpu) computes on the CPU",
        )
    if precision != FULL and kind not in _GPU_KINDS:
        hint = "use the model with 32 bits"
        raise MissingPartError(f"Paddle computes with 16 bits on GPUs only, not on {kind}", path=program, hint=hint)
    config = _config(program, weights)
    if kind in _GPU_KINDS:
        config.enable_use_gpu(_GPU_POOL_MB, device_id, getattr(inference.PrecisionType, _PRECISIONS[precision]))
    elif kind == "xpu":
        config.enable_xpu()
        config.set_xpu_device_id(device_id)
    else:
        config.enable_custom_device(kind, device_id)
    return inference.create_predictor(config)


def _on_cpu(program: Path, weights: Path, threads: int) -> Any:
    """A predictor with oneDNN, or without it if it does not support the network.

    Where oneDNN cannot place operators, its fused convolutions stay, which are 2 to 4 times faster than Paddle without
    oneDNN. Another pass of oneDNN fails on MaskFormer.
    """
    import paddle
    from paddle import inference

    config = _config(program, weights)
    config.set_cpu_math_library_num_threads(threads)
    if is_old(program) or can_place(paddle.__version__):
        config.enable_mkldnn()
    else:
        config.delete_pass(PLACEMENT_PASS)
    try:
        return inference.create_predictor(config)
    except ValueError as fault:
        log.info("%s runs without oneDNN: %s", program, fault)
    return _without_onednn(program, weights, threads)


def _without_onednn(program: Path, weights: Path, threads: int) -> Any:
    from paddle import inference

    config = _config(program, weights)
    config.set_cpu_math_library_num_threads(threads)
    config.disable_mkldnn()
    return inference.create_predictor(config)


def is_old(program: Path) -> bool:
    """Whether a program has the format of Paddle 2."""
    return program.suffix == ".pdmodel"


def _config(program: Path, weights: Path) -> Any:
    from paddle import inference

    config = inference.Config(str(program), str(weights))
    config.disable_gpu()
    config.disable_glog_info()
    # programs of Paddle 2 keep their format: text detection of PP-OCRv4 took 24 ms with it, 90 ms without
    config.enable_new_ir(not is_old(program))
    config.enable_new_executor(not is_old(program))
    config.enable_memory_optim()
    return config
