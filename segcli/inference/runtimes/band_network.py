"""Runs a network whose first part works on bands of the image, on ONNX Runtime."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segcli.inference.preprocess import ImageRows
from segcli.inference.runtimes.band_graph import PLAN, Band, BandParts, BandPlan, band_parts
from segcli.inference.runtimes.onnx_graph import CutNetwork
from segcli.inference.runtimes.onnx_session import open_session, returning_memory
from segcli.inference.runtimes.protocol import naming_file

log = logging.getLogger("segcli.predict")


def open_bands(cut: CutNetwork, file: Path, threads: int) -> BandNetwork | None:
    """A network for large images; None where bands would not save memory, or it cannot be made.

    Args:
        cut: The network without its last enlargement.
        file: The file that it was made from, for messages.
        threads: Number of threads.
    """
    try:
        parts = band_parts(cut)
        return None if parts is None else BandNetwork(parts, file, threads)
    except Exception as fault:  # those of onnx and onnxruntime have no common kind; whole images are always right
        log.debug("large images run whole on %s: %s", file, fault)
        return None


class BandNetwork:
    """From an image to the small logits of the network, without the float32 form of the whole image.

    Args:
        parts: The two networks.
        file: The file that they were made from, for messages.
        threads: Number of threads.

    Attributes:
        plan: How the first part runs.
    """

    name = "onnxruntime"

    def __init__(self, parts: BandParts, file: Path, threads: int) -> None:
        self.file = file
        self._first, self._rest = (open_session(part, threads, shares=True) for part in (parts.first, parts.rest))
        self._image = self._first.get_inputs()[0].name
        self._output = self._rest.get_outputs()[0].name
        self.plan = BandPlan(**json.loads(self._first.get_modelmeta().custom_metadata_map[PLAN]))

    @naming_file
    def __call__(self, image: ImageRows) -> NDArray[np.float32]:
        """Logits [1, classes, h, w] of an image that `BandPlan.takes` accepts."""
        return np.asarray(self._rest.run([self._output], self._between(image), returning_memory())[0])

    def _between(self, image: ImageRows) -> dict[str, NDArray[np.float32]]:
        """The tensors between both parts, [1, channels, h, w], by name."""
        whole: dict[str, NDArray[np.float32]] = {}
        for band in self.plan.bands(image.height):
            self._run_band(image, band, whole)
        return whole

    def _run_band(self, image: ImageRows, band: Band, whole: dict[str, NDArray[np.float32]]) -> None:
        """Writes rows of a band into the tensors; on its return, the memory of the band is free for the next one."""
        strides = self.plan.strides
        found = self._first.run(list(strides), {self._image: image.rows(band.top, band.end)})
        for (name, stride), tensor in zip(strides.items(), found, strict=True):
            batch, channels, rows, columns = tensor.shape
            top = band.top // stride
            if name not in whole:  # the lowest band, from which the number of rows is known
                whole[name] = np.empty((batch, channels, top + rows, columns), np.float32)
            # rows near an inner border saw padding in the place of the image: those at the end are left out, and those
            # at the top are overwritten by the next band
            kept = rows if band.kept == image.height else band.kept // stride - top
            whole[name][:, :, top : top + kept] = tensor[:, :, :kept]
