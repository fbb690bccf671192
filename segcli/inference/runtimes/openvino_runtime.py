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
from segcli.inference.graphs import Graph
from segcli.inference.preprocess import NetworkInput

log = logging.getLogger("segcli.predict")

Shapes = tuple[tuple[int, ...], ...]
_KEPT_SHAPES = 4
"""Networks compiled for one shape of the input that are kept."""
_OFTEN = 16
"""Runs of a shape after which a network is compiled for it: that takes half a second, and runs up to 7 % faster. Images
of many sizes, and prompts of many numbers, stay with the network for all shapes."""
_COUNTED_SHAPES = 1024


def open_graph(_graph: Graph, file: Path, _device: str, threads: int) -> OpenVinoRuntime:
    """Opens an ONNX file or OpenVINO's own form; see `segcli.inference.runtimes.protocol.RuntimeModule`."""
    return OpenVinoRuntime(file, threads)


def convert_onnx(source: Path, target: Path) -> Path:
    """Converts an ONNX file to OpenVINO's own form, weights in float32.

    Raises:
        MissingPartError: OpenVINO is not installed.
        ExportError: OpenVINO cannot take the model.
    """
    if find_spec("openvino") is None:
        raise MissingPartError("openvino is not installed", hint="pip install openvino")
    import openvino

    try:
        openvino.save_model(openvino.Core().read_model(source), target, compress_to_fp16=False)
    except RuntimeError as fault:
        raise ExportError(f"OpenVINO cannot take the model: {fault}", path=source) from fault
    return target


class OpenVinoRuntime:
    """Runs an ``.onnx`` or ``.xml`` file; see `segcli.inference.runtimes.protocol.Runtime`.

    Args:
        file: The model.
        threads: Threads.
    """

    name = "openvino"

    def __init__(self, file: Path, threads: int) -> None:
        import openvino

        self._core = openvino.Core()
        self._model = _with_logits(self._core.read_model(file))
        # on processors with bfloat16 the default precision changes logits by 2 percent
        self._settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
        }
        self._compiled: OrderedDict[Shapes, Any] = OrderedDict()
        self._runs: Counter[Shapes] = Counter()
        self._is_free = any(port.partial_shape.is_dynamic for port in self._model.inputs)
        self._for_all: Any = None

    def run(self, images: NetworkInput) -> NDArray[Any]:
        """The output of the network."""
        return np.asarray(self._run([images])[0])

    def run_named(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs of a network with several inputs."""
        known = [next(name for name in port.names if name in inputs) for port in self._model.inputs]
        return [np.asarray(value) for value in self._run([inputs[name] for name in known]).values()]

    def _run(self, inputs: Sequence[NDArray[Any]]) -> Any:
        """The outputs for inputs in the order of the network's."""
        shapes = tuple(value.shape for value in inputs)
        if self._is_free and shapes not in self._compiled and self._is_rare(shapes):
            try:
                if self._for_all is None:
                    self._for_all = self._compile()
                return self._for_all(list(inputs))
            except RuntimeError as fault:
                log.info("OpenVINO runs this network with fixed shapes only: %s", fault)
                self._is_free = False
        return self._fixed(shapes)(list(inputs))

    def _is_rare(self, shapes: Shapes) -> bool:
        if len(self._runs) > _COUNTED_SHAPES:
            self._runs.clear()
        self._runs[shapes] += 1
        return self._runs[shapes] <= _OFTEN

    def _fixed(self, shapes: Shapes) -> Any:
        """The network for inputs of these shapes."""
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


def _with_logits(model: Any) -> Any:
    """The network that ends in the tensor called ``logits``, where it has one."""
    import openvino

    try:
        logits = model.add_outputs(LOGITS_TENSOR)[0]
    except RuntimeError:
        return model
    return openvino.Model([logits], model.get_parameters())
