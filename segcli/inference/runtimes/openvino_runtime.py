"""OpenVINO on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from segcli.errors import ExportError, MissingPartError
from segcli.inference.exported_model import LOGITS_TENSOR
from segcli.inference.graphs import ONNX, Graph
from segcli.inference.precision import FULL, Precision
from segcli.inference.preprocess import NetworkInput
from segcli.inference.runtimes.onnx_graph import CutNetwork, cut_network
from segcli.inference.runtimes.openvino_core import shared_core
from segcli.inference.runtimes.openvino_network import Settings, SizedNetwork
from segcli.inference.runtimes.protocol import naming_file
from segcli.inference.runtimes.small_logits import enlarged_outside

if TYPE_CHECKING:
    from segcli.inference.runtimes.band_network import BandNetwork

_HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16"}
"""OpenVINO's names of the numbers."""


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
        cut = cut_network(file) if file.suffix == ONNX and not foreign else None
        network = shared_core().read_model(file if cut is None else cut.source)
        # on processors with bfloat16 the default precision changes logits by 2 %
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
        }
        self._network = SizedNetwork(network if foreign or cut is not None else _with_logits(network), settings)
        # rounded to 16 bits, two parts would not give what the whole gives
        bands = partial(_open_bands, cut, file, settings) if cut is not None and precision == FULL else None
        self.on_device = enlarged_outside(self._run_images, cut, bands)

    @naming_file
    def run(self, images: NetworkInput) -> NDArray[Any]:
        """The first output of the network."""
        return self._run_images(images) if self.on_device is None else self.on_device(images)

    @naming_file
    def _run_images(self, images: NetworkInput) -> NDArray[Any]:
        return self._network.run([images])[0]

    @naming_file
    def run_named(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs of a network with several inputs."""
        known = [next(name for name in port.names if name in inputs) for port in self._network.model.inputs]
        return self._network.run([inputs[name] for name in known])


def _open_bands(cut: CutNetwork, file: Path, settings: Settings) -> BandNetwork | None:
    from segcli.inference.runtimes.band_network import open_bands  # for large images alone
    from segcli.inference.runtimes.openvino_part import OpenVinoPart

    return open_bands(cut, file, OpenVinoRuntime.name, partial(OpenVinoPart, settings=settings))


def _with_logits(model: Any) -> Any:
    """The network cut to end in the tensor ``logits``; unchanged if it has none."""
    import openvino

    try:
        logits = model.add_outputs(LOGITS_TENSOR)[0]
    except RuntimeError:
        return model
    return openvino.Model([logits], model.get_parameters())
