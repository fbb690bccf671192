"""ONNX Runtime: on the CPU three to six times faster than plain Paddle; on NVIDIA GPUs with its build for CUDA."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segcli.inference.graphs import Graph
from segcli.inference.preprocess import NetworkInput
from segcli.inference.runtimes.onnx_cuda import obstacle
from segcli.inference.runtimes.onnx_graph import CutNetwork, cut_network
from segcli.inference.runtimes.onnx_session import open_session, returning_memory
from segcli.inference.runtimes.protocol import LARGE_BYTES, naming_file
from segcli.inference.runtimes.small_logits import enlarged_outside
from segcli.nvidia import gpus

if TYPE_CHECKING:
    from segcli.inference.runtimes.band_network import BandNetwork


def open_graph(graph: Graph, file: Path, device: str, threads: int) -> OnnxRuntime:
    """Opens an ONNX file; see `segcli.inference.runtimes.protocol.RuntimeModule`."""
    return OnnxRuntime(file, threads, device=device, foreign=graph.foreign)


def device_count(kind: str) -> int:
    """Number of devices of a kind; see `segcli.inference.runtimes.protocol.RuntimeModule`."""
    return len(gpus()) if kind == "gpu" and obstacle() is None else 0


class OnnxRuntime:
    """Runs an ONNX file; see `segcli.inference.runtimes.protocol.Runtime`.

    Args:
        file: The ``.onnx`` file.
        threads: Number of threads on the CPU.
        device: ``cpu``, or ``gpu:N``.
        foreign: Whether it is a third-party model, whose graph is run unchanged.
    """

    name = "onnxruntime"

    def __init__(self, file: Path, threads: int, *, device: str = "cpu", foreign: bool = False) -> None:
        self.file = file
        cut = None if foreign else cut_network(file)
        self._session = open_session(file if cut is None else cut.source, threads, device=device, foreign=foreign)
        self._on_cpu = device == "cpu"
        # bands save the memory of the processor
        bands = partial(_open_bands, cut, file, threads) if cut is not None and self._on_cpu else None
        self.on_device = enlarged_outside(self._run, cut, bands)
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name

    @naming_file
    def run(self, images: NetworkInput) -> NDArray[Any]:
        """The first output of the network."""
        return self._run(images) if self.on_device is None else self.on_device(images)

    @naming_file
    def _run(self, images: NetworkInput) -> NDArray[Any]:
        way = returning_memory() if self._on_cpu and images.nbytes > LARGE_BYTES else None
        return np.asarray(self._session.run([self._output], {self._input: images}, way)[0])

    @naming_file
    def run_named(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs of a network with several inputs; inputs that it does not have are ignored."""
        known = {value.name for value in self._session.get_inputs()}
        found = self._session.run(None, {name: value for name, value in inputs.items() if name in known})
        return [np.asarray(value) for value in found]


def _open_bands(cut: CutNetwork, file: Path, threads: int) -> BandNetwork | None:
    from segcli.inference.runtimes.band_network import open_bands  # for large images alone
    from segcli.inference.runtimes.onnx_part import OnnxPart

    return open_bands(cut, file, OnnxRuntime.name, partial(OnnxPart, threads=threads))
