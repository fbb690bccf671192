"""A part of a network that runs in bands, on OpenVINO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.inference.runtimes.band_network import Next
from segcli.inference.runtimes.openvino_core import shared_core
from segcli.inference.runtimes.openvino_network import Settings, SizedNetwork

_PROPERTIES = "framework"
"""Where OpenVINO keeps the metadata of an ONNX file."""


class OpenVinoPart:
    """One part of a network that runs in bands; see `segcli.inference.runtimes.band_network.BandPart`.

    Args:
        source: The file of the part, or its content.
        settings: Of the compilation.
    """

    def __init__(self, source: Path | bytes, settings: Settings) -> None:
        model = shared_core().read_model(source)
        self._network = SizedNetwork(model, settings)
        self.input_names: Sequence[str] = [port.any_name for port in model.inputs]
        self._output_names = [port.any_name for port in model.outputs]

    def run_part(self, inputs: Mapping[str, NDArray[np.float32]], following: Next) -> dict[str, NDArray[Any]]:
        """All outputs by name."""
        last = following is not Next.SAME_PART
        found = self._network.run_huge([inputs[name] for name in self.input_names], last=last)
        return dict(zip(self._output_names, found, strict=True))

    def property_of(self, name: str) -> str:
        """A property in the metadata of the file."""
        return str(self._network.model.get_rt_info([_PROPERTIES, name]).astype(str))
