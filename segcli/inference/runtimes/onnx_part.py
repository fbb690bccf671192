"""A part of a network that runs in bands, on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.inference.runtimes.band_network import Next
from segcli.inference.runtimes.onnx_session import open_session, returning_memory


class OnnxPart:
    """One part of a network that runs in bands; see `segcli.inference.runtimes.band_network.BandPart`.

    Args:
        source: The file of the part, or its content.
        threads: Number of threads.
    """

    def __init__(self, source: Path | bytes, threads: int) -> None:
        self._session = open_session(source, threads, shares=True)
        self.input_names: Sequence[str] = [value.name for value in self._session.get_inputs()]
        self._output_names = [value.name for value in self._session.get_outputs()]

    def run_part(self, inputs: Mapping[str, NDArray[np.float32]], following: Next) -> dict[str, NDArray[Any]]:
        """All outputs by name."""
        # both parts share their memory: to give it back between them is to ask for more
        way = returning_memory() if following is Next.NOTHING else None
        found = self._session.run(self._output_names, dict(inputs), way)
        return dict(zip(self._output_names, found, strict=True))

    def property_of(self, name: str) -> str:
        """A property in the metadata of the file."""
        return str(self._session.get_modelmeta().custom_metadata_map[name])
