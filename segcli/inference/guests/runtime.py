"""Runs a third-party model with the inputs and outputs of segcli's models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.inference.guests.folder import Guest
from segcli.inference.guests.inputs import GuestInputs
from segcli.inference.guests.instances import PlacedImage, objects_of
from segcli.inference.guests.semantic import semantic_output
from segcli.inference.preprocess import NetworkInput
from segcli.inference.runtimes.protocol import Runtime


class GuestRuntime:
    """Runs a third-party model; see `segcli.inference.runtimes.protocol.Runtime`.

    Args:
        inner: The runtime of its file.
        guest: Description of the model.
    """

    def __init__(self, inner: Runtime, guest: Guest) -> None:
        self.name = inner.name
        self._inner, self._guest = inner, guest

    def run(self, images: NetworkInput) -> NDArray[Any]:
        """Logits or ids of normalised images."""
        inputs = self._inputs
        padded = inputs.padded(images)
        return semantic_output(self._outputs(inputs(padded))[0], self._guest.card, images, padded)

    def run_named(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The objects of one image, from the inputs of PaddleDetection's networks; see `objects_of`."""
        image = np.asarray(inputs["image"], np.float32)
        height, width = (round(float(side)) for side in inputs["im_shape"][0])
        size = np.asarray(inputs["im_shape"][0], np.float64) / np.asarray(inputs["scale_factor"][0], np.float64)
        placed, corner = self._inputs.placed(image, (height, width))
        whole = placed.shape[2], placed.shape[3]
        place = PlacedImage(corner, (height, width), (round(float(size[0])), round(float(size[1]))), whole)
        return objects_of(self._outputs(self._inputs(placed)), self._guest.card, place)

    @property
    def _inputs(self) -> GuestInputs:
        return GuestInputs(self._guest.card.input, self._guest.dtype)

    def _outputs(self, images: NDArray[Any]) -> list[NDArray[Any]]:
        """The outputs that the card describes, in its order."""
        found = self._inner.run_named({self._guest.input_name: images})
        return [found[index] for index in self._guest.output_places]
