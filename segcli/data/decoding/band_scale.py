"""Mean and deviation of each band over the training images, by which a network's input is normalised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from segcli.data.fingerprint.images import evenly
from segcli.data.image import read_input
from segcli.errors import DatasetError, InputError

_MOST_IMAGES = 64
_LEAST_STD = 1e-3
"""Of a band that is the same everywhere: it becomes 0."""


def band_scale(images: Sequence[Path]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each band of what is read now, 0 to 1; of very many images, of 64 of them.

    Raises:
        DatasetError: An image cannot be read, or has another number of bands.
    """
    sums, squares, count = np.zeros(1), np.zeros(1), 0
    for path in evenly(list(images), _MOST_IMAGES):
        try:
            values = read_input(path).astype(np.float64) / 255
        except InputError as error:
            raise DatasetError(error.message, path=error.path, hint=error.hint) from error
        sums, squares = sums + values.sum(axis=(0, 1)), squares + np.square(values).sum(axis=(0, 1))
        count += values.shape[0] * values.shape[1]
    mean = sums / max(count, 1)
    std = np.maximum(np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 0)), _LEAST_STD)
    return tuple(round(float(value), 6) for value in mean), tuple(round(float(value), 6) for value in std)
