"""Inputs for the calibration of an 8-bit network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.image import RgbImage, read_input
from segcli.inference.decode_labels import network_inputs
from segcli.inference.exported_model import ExportedModel
from segcli.inference.guests.inputs import GuestInputs
from segcli.inference.instance_input import prepare

Feeds = dict[str, NDArray[Any]]


def calibration_feeds(model: ExportedModel, images: Sequence[Path], input_name: str) -> Iterator[Feeds]:
    """Yields the network inputs for each image, preprocessed as in prediction.

    Args:
        model: A semantic or instance model.
        images: Image files.
        input_name: Name of the network input that takes the image.
    """
    feeds = _instance_feeds if model.finds_objects else _semantic_feeds
    for path in images:
        yield feeds(model, read_input(path, model.preprocess.reads_by), input_name)


def _semantic_feeds(model: ExportedModel, image: RgbImage, input_name: str) -> Feeds:
    scale = model.preprocess
    values: NDArray[Any] = network_inputs([image], scale, model.input_size)[0]
    if model.guest is not None:
        inputs = _inputs_of(model)
        values = inputs(inputs.padded(values))
    return {input_name: values}


def _instance_feeds(model: ExportedModel, image: RgbImage, input_name: str) -> Feeds:
    prepared = prepare(image, model.preprocess)
    if model.guest is None:
        return dict(prepared.feeds())
    inputs = _inputs_of(model)
    return {input_name: inputs(inputs.placed(prepared.image, prepared.resized)[0])}


def _inputs_of(model: ExportedModel) -> GuestInputs:
    assert model.guest is not None
    is_half = np.dtype(model.guest.dtype) == np.float16
    return GuestInputs(model.guest.card.input, "float32" if is_half else model.guest.dtype)
