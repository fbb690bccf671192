"""Inputs for the calibration of an 8-bit network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from segcli.data.image import read_input
from segcli.inference.exported_model import ExportedModel
from segcli.inference.guests.inputs import GuestInputs
from segcli.inference.preprocess import fitted_size, normalise, resize_image

Feeds = dict[str, NDArray[Any]]


def calibration_feeds(model: ExportedModel, images: Sequence[Path], input_name: str) -> Iterator[Feeds]:
    """Yields the network input for each image, preprocessed as in prediction.

    Args:
        model: A semantic model.
        images: Image files.
        input_name: Name of the network input.
    """
    scale = model.preprocess
    for path in images:
        image = read_input(path, scale.reads_by)
        height, width = image.shape[:2]
        size = model.input_size or fitted_size(height, width, scale)
        values: NDArray[Any] = normalise([resize_image(image, *size, area=scale.area)], scale)
        if model.guest is not None:
            inputs = GuestInputs(model.guest.card.input, model.guest.dtype)
            values = inputs(inputs.padded(values))
        yield {input_name: values}
