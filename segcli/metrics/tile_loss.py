"""What tiles cost: the label map from tiles against that of the whole image, both compared with the truth.

Networks that pool over the whole image see less in a tile, so the two cannot be equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.image import Labels
from segcli.metrics.class_totals import ClassTotals
from segcli.metrics.confusion import joint_histogram
from segcli.metrics.image_rows import Row
from segcli.metrics.label_pair import LabelPair
from segcli.metrics.semantic_scores import Values, iou, ratio

TOTALS = 3
"""Numbers per class of one label map; see `ClassTotals`."""
LOSS_COLUMNS = 2 * TOTALS
"""Numbers per class: of the whole image, then of the tiles."""
DIFFERING_COLUMNS = 2
"""Numbers per class of the whole image's label map: pixels with another label in tiles, and all pixels."""


def count_whole(pair: LabelPair) -> Row:
    """The totals of the whole image's label map: float64 [3 x classes]."""
    return _totals(pair.of_whole, pair)


def count_tile_loss(pair: LabelPair) -> Row:
    """The totals of both label maps: float64 [6 x classes]."""
    return np.concatenate([_totals(labels, pair) for labels in (pair.of_whole, pair.prediction)])


def count_differing(pair: LabelPair) -> Row:
    """Pixels with another label in tiles, and all pixels, by class of the whole image's label map."""
    counts = joint_histogram(pair.prediction, pair.of_whole)[: pair.num_classes, : pair.num_classes]
    pixels = counts.sum(axis=1)
    return np.concatenate([pixels - np.diagonal(counts), pixels], dtype=np.float64)


def whole_iou(sums: NDArray[Any]) -> Values:
    """IoU of the whole images per class [..., classes]."""
    return iou(ClassTotals.from_rows(sums))


def tile_loss(sums: NDArray[Any]) -> Values:
    """IoU of the whole images minus that of the tiles [..., classes]; NaN where either is not defined."""
    whole, tiled = _ious(sums)
    return np.asarray(whole - tiled)


def tile_loss_of_all(sums: NDArray[Any]) -> Values:
    """mIoU of the whole images minus that of the tiles [...]; classes that are nowhere are left out."""
    whole, tiled = (ratio(np.nansum(ious, axis=-1), (~np.isnan(ious)).sum(axis=-1)) for ious in _ious(sums))
    return np.asarray(whole - tiled)


def differing(sums: NDArray[Any]) -> Values:
    """Share of pixels with another label in tiles, by class of the whole image's label map [..., classes]."""
    return ratio(*np.split(sums, DIFFERING_COLUMNS, axis=-1))


def differing_of_all(sums: NDArray[Any]) -> Values:
    """Share of all pixels with another label in tiles [...]."""
    changed, pixels = np.split(sums, DIFFERING_COLUMNS, axis=-1)
    return ratio(changed.sum(axis=-1), pixels.sum(axis=-1))


def _totals(labels: Labels, pair: LabelPair) -> Row:
    counts = joint_histogram(labels, pair.truth)
    if pair.ignore_index < pair.num_classes:
        counts[pair.ignore_index] = 0
    return ClassTotals.of(counts[: pair.num_classes, : pair.num_classes]).as_rows()


def _ious(sums: NDArray[Any]) -> tuple[Values, Values]:
    whole, tiled = np.split(sums, 2, axis=-1)
    return whole_iou(whole), whole_iou(tiled)
