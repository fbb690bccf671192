"""Weights that let rare classes count as much as common ones."""

from __future__ import annotations

from typing import Literal

import numpy as np

from segcli.data.image import read_mask
from segcli.data.samples import SegDataset
from segcli.errors import ConfigError, ConfigFault
from segcli.progress import track


def class_weights(wanted: Literal["auto"] | tuple[float, ...] | None, dataset: SegDataset) -> tuple[float, ...] | None:
    """The weights of the classes in the loss, or None for equal ones.

    Args:
        wanted: ``auto`` for median-frequency balancing (Eigen and Fergus, ICCV 2015: the median of the classes'
            pixel frequencies divided by each one's), or the weights themselves.
        dataset: Its training split is counted.

    Raises:
        ConfigError: The number of weights is not the number of classes.
    """
    if wanted is None:
        return None
    if wanted == "auto":
        return median_frequency_weights(count_pixels(dataset))
    if len(wanted) != len(dataset.classes):
        message = f"{len(wanted)} weights for {len(dataset.classes)} classes ({', '.join(dataset.classes)})"
        raise ConfigError([ConfigFault("Train.class_weights", message, "give one weight per class, or auto")])
    return wanted


def count_pixels(dataset: SegDataset) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Pixels of each class in the training split, ignored ones left out."""
    counts = np.zeros(256, np.int64)
    for sample in track(dataset.train, "class weights", len(dataset.train)):
        counts += np.bincount(read_mask(sample.mask).ravel(), minlength=256)
    return counts[: len(dataset.classes)]


def median_frequency_weights(counts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[float, ...]:
    """The median count divided by each count; a class without pixels weighs 0."""
    present = counts[counts > 0]
    median = float(np.median(present)) if present.size else 0.0
    return tuple(median / count if count else 0.0 for count in counts.tolist())
