"""OpenVINO on the CPU."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.errors import ExportError, MissingPartError
from segcli.inference.exported_model import LOGITS_TENSOR
from segcli.inference.graphs import ONNX, Graph
from segcli.inference.precision import FULL, Precision
from segcli.inference.preprocess import NetworkInput
from segcli.inference.runtimes.onnx_graph import cut_network
from segcli.inference.runtimes.openvino_core import shared_core
from segcli.inference.runtimes.protocol import naming_file
from segcli.inference.runtimes.small_logits import enlarged_outside

log = logging.getLogger("segcli.predict")

Shapes = tuple[tuple[int, ...], ...]
_KEPT_SHAPES = 4
"""Number of networks, each compiled for one input shape, that are kept."""
_OFTEN = 16
"""Runs of one size after which a network is compiled for it: compiling takes 0.5 s, and runs are up to 7 % faster."""
_COUNTED_SHAPES = 1024
_HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16"}
"""OpenVINO's names of the numbers."""
_TOLERANCE = 1e-4
"""Largest difference between the outputs of two compiled networks, relative to the largest output."""


def open_graph(graph: Graph, file: Path, _device: str, threads: int) -> OpenVinoRuntime:
    """Opens an ONNX file or OpenVINO's own format; see `segcli.inference.runtimes.protocol.RuntimeModule`."""
    return OpenVinoRuntime(file, threads, foreign=graph.foreign, precision=graph.precision)


def convert_onnx(source: Path, target: Path) -> Path:
    """Converts an ONNX file to OpenVINO's own format, weights in float32.

    Raises:
        MissingPartError: OpenVINO is not installed.
        ExportError: OpenVINO cannot convert the model.
    """
    if find_spec("openvino") is None:
        raise MissingPartError("openvino is not installed", hint="pip install openvino")
    import openvino

    try:
        openvino.save_model(shared_core().read_model(source), target, compress_to_fp16=False)
    except RuntimeError as fault:
        raise ExportError(f"OpenVINO cannot convert the model: {fault}", path=source) from fault
    return target


class OpenVinoRuntime:
    """Runs an ``.onnx`` or ``.xml`` file; see `segcli.inference.runtimes.protocol.Runtime`.

    Args:
        file: The model file.
        threads: Number of threads.
        foreign: Whether it is a third-party model, whose outputs are used unchanged.
        precision: Numbers that it computes with.
    """

    name = "openvino"

    def __init__(self, file: Path, threads: int, *, foreign: bool = False, precision: Precision = FULL) -> None:
        self.file = file
        self._core = shared_core()
        cut = cut_network(file) if file.suffix == ONNX and not foreign else None
        network = self._core.read_model(file if cut is None else cut.source)
        self._model = network if foreign or cut is not None else _with_logits(network)
        self.on_device = enlarged_outside(self._run_images, cut)
        # on processors with bfloat16 the default precision changes logits by 2 %
        self._settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
        }
        self._compiled: OrderedDict[Shapes, Any] = OrderedDict()
        self._runs: Counter[Shapes] = Counter()
        self._any_size: dict[tuple[int, ...], Any] = {}
        self._sizes_vary = len(self._model.inputs) == 1 and _has_free_size(self._model.inputs[0].partial_shape)

    @naming_file
    def run(self, images: NetworkInput) -> NDArray[Any]:
        """The first output of the network."""
        return self._run_images(images) if self.on_device is None else self.on_device(images)

    @naming_file
    def _run_images(self, images: NetworkInput) -> NDArray[Any]:
        return np.asarray(self._run([images])[0])

    @naming_file
    def run_named(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs of a network with several inputs."""
        known = [next(name for name in port.names if name in inputs) for port in self._model.inputs]
        return [np.asarray(value) for value in self._run([inputs[name] for name in known]).values()]

    def _run(self, inputs: Sequence[NDArray[Any]]) -> Any:
        """The outputs for inputs in the order of the network's inputs."""
        shapes = tuple(value.shape for value in inputs)
        # the first size gets its own compiled network: most often there is no second size
        if self._sizes_vary and self._compiled and shapes not in self._compiled and self._is_rare(shapes):
            network = self._for_any_size(inputs[0])
            if network is not None:
                return network(list(inputs))
        return self._fixed(shapes)(list(inputs))

    def _for_any_size(self, images: NDArray[Any]) -> Any:
        """The network compiled for images of any size, with this batch size; None if its outputs are wrong.

        The batch size stays fixed: with a free one OpenVINO 2026.4 loses outputs of some networks. The first output is
        compared with that of the network compiled for this size.
        """
        batch = images.shape[:-2]
        if batch not in self._any_size:
            expected = self._fixed((images.shape,))([images])
            self._any_size[batch] = self._made_for_any_size(images, expected)
        return self._any_size[batch]

    def _made_for_any_size(self, images: NDArray[Any], expected: Any) -> Any:
        try:
            self._model.reshape([*images.shape[:-2], -1, -1])
            network = self._compile()
            found = network([images])
        except RuntimeError as fault:
            log.info("OpenVINO compiles this network separately for every size: %s", fault)
            return None
        pairs = zip(expected.values(), found.values(), strict=True)
        return network if all(_alike(np.asarray(one), np.asarray(other)) for one, other in pairs) else None

    def _is_rare(self, shapes: Shapes) -> bool:
        if len(self._runs) > _COUNTED_SHAPES:
            self._runs.clear()
        self._runs[shapes] += 1
        return self._runs[shapes] <= _OFTEN

    def _fixed(self, shapes: Shapes) -> Any:
        """The network compiled for inputs of these shapes."""
        if shapes not in self._compiled:
            ports = self._model.inputs
            self._model.reshape({port: list(shape) for port, shape in zip(ports, shapes, strict=True)})
            self._compiled[shapes] = self._compile()
            if len(self._compiled) > _KEPT_SHAPES:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(shapes)
        return self._compiled[shapes]

    def _compile(self) -> Any:
        return self._core.compile_model(self._model, "CPU", self._settings)


def _has_free_size(shape: Any) -> bool:
    """Whether a network takes images of any height and width."""
    return bool(shape.rank.is_static and len(shape) == 4 and shape[2].is_dynamic and shape[3].is_dynamic)


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.shape != other.shape:
        return False
    return bool(np.abs(one - other).max(initial=0) <= _TOLERANCE * max(1.0, float(np.abs(one).max(initial=0))))


def _with_logits(model: Any) -> Any:
    """The network cut to end in the tensor ``logits``; unchanged if it has none."""
    import openvino

    try:
        logits = model.add_outputs(LOGITS_TENSOR)[0]
    except RuntimeError:
        return model
    return openvino.Model([logits], model.get_parameters())
