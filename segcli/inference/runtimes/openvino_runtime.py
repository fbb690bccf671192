"""OpenVINO on the CPU."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.errors import ExportError, MissingPartError
from segcli.inference.exported_model import LOGITS_TENSOR
from segcli.inference.graphs import Graph
from segcli.inference.preprocess import NetworkInput

_KEPT_SHAPES = 4
"""Compiled networks that are kept: one an input shape, because fixed shapes run faster than free ones."""


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
        self._compiled: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def run(self, images: NetworkInput) -> NDArray[Any]:
        """The output of the network."""
        compiled = self._for_shape(images.shape)
        return np.asarray(compiled(images)[0])

    def run_named(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs of a network with several inputs."""
        known = {name for port in self._model.inputs for name in port.names}
        given = {name: value for name, value in inputs.items() if name in known}
        shapes = {name: list(value.shape) for name, value in given.items()}
        compiled = self._compiled_for(tuple(map(tuple, shapes.values())), shapes)
        return [np.asarray(value) for value in compiled(given).values()]

    def _for_shape(self, shape: tuple[int, ...]) -> Any:
        return self._compiled_for(shape, list(shape))

    def _compiled_for(self, key: tuple[Any, ...], shapes: Any) -> Any:
        if key not in self._compiled:
            self._model.reshape(shapes)
            self._compiled[key] = self._core.compile_model(self._model, "CPU", self._settings)
            if len(self._compiled) > _KEPT_SHAPES:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return self._compiled[key]


def _with_logits(model: Any) -> Any:
    """The network that ends in the tensor called ``logits``, where it has one."""
    import openvino

    try:
        logits = model.add_outputs(LOGITS_TENSOR)[0]
    except RuntimeError:
        return model
    return openvino.Model([logits], model.get_parameters())
