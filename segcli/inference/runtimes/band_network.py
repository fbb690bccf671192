"""Runs a network whose first part works on bands of the image."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from segcli.inference.preprocess import ImageRows
from segcli.inference.runtimes.band_graph import PLAN, Band, BandPlan, band_parts
from segcli.inference.runtimes.onnx_graph import CutNetwork
from segcli.inference.runtimes.protocol import naming_file

log = logging.getLogger("segcli.predict")


class Next(Enum):
    """What runs after a run of a part: whose memory need not stay."""

    SAME_PART = "the same part, on the next band"
    OTHER_PART = "the other part"
    NOTHING = "nothing: the image is done"


class BandPart(Protocol):
    """One of the two networks, opened on a runtime.

    Attributes:
        input_names: Names of its inputs.
    """

    input_names: Sequence[str]

    def run_part(self, inputs: Mapping[str, NDArray[np.float32]], following: Next) -> dict[str, NDArray[Any]]:
        """All outputs, by name.

        Args:
            inputs: All inputs, by name.
            following: What runs next.
        """

    def property_of(self, name: str) -> str:
        """A property in the metadata of the network's file."""


OpenPart = Callable[["Path | bytes"], BandPart]
"""Opens the file of a part, or its content, on a runtime."""


def open_bands(cut: CutNetwork, file: Path, name: str, open_part: OpenPart) -> BandNetwork | None:
    """A network for large images; None where bands would not save memory, or it cannot be made.

    Args:
        cut: The network without its last enlargement.
        file: The file that it was made from, for messages.
        name: The runtime, for messages.
        open_part: Opens one part on it.
    """
    try:
        parts = band_parts(cut)
        return None if parts is None else BandNetwork(open_part(parts.first), open_part(parts.rest), file, name)
    except Exception as fault:  # those of onnx and of runtimes have no common kind; whole images are always right
        log.debug("large images run whole on %s: %s", file, fault)
        return None


class BandNetwork:
    """From an image to the small logits of the network, without the float32 form of the whole image.

    Args:
        first: Runs the part that works on bands.
        rest: Runs the other one.
        file: The file that they were made from, for messages.
        name: The runtime, for messages.

    Attributes:
        plan: How the first part runs.
    """

    def __init__(self, first: BandPart, rest: BandPart, file: Path, name: str) -> None:
        self.file, self.name = file, name
        self._first, self._rest = first, rest
        self.plan = BandPlan(**json.loads(first.property_of(PLAN)))

    @naming_file
    def __call__(self, image: ImageRows) -> NDArray[np.float32]:
        """Logits [1, classes, h, w] of an image that `BandPlan.takes` accepts."""
        (logits,) = self._rest.run_part(self._between(image), Next.NOTHING).values()
        return np.asarray(logits)

    def _between(self, image: ImageRows) -> dict[str, NDArray[np.float32]]:
        """The tensors between both parts, [1, channels, h, w], by name."""
        whole: dict[str, NDArray[np.float32]] = {}
        for band in self.plan.bands(image.height):
            self._run_band(image, band, whole)
        return whole

    def _run_band(self, image: ImageRows, band: Band, whole: dict[str, NDArray[np.float32]]) -> None:
        """Writes rows of a band into the tensors; on its return, the memory of the band is free for the next one."""
        (name,) = self._first.input_names
        following = Next.SAME_PART if band.top else Next.OTHER_PART
        found = self._first.run_part({name: image.rows(band.top, band.end)}, following)
        for name, stride in self.plan.strides.items():
            tensor = found[name]
            batch, channels, rows, columns = tensor.shape
            top = band.top // stride
            if name not in whole:  # the lowest band, from which the number of rows is known
                whole[name] = np.empty((batch, channels, top + rows, columns), np.float32)
            # rows near an inner border saw padding in the place of the image: those at the end are left out, and those
            # at the top are overwritten by the next band
            kept = rows if band.kept == image.height else band.kept // stride - top
            whole[name][:, :, top : top + kept] = tensor[:, :, :kept]
