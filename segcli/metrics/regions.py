"""Recall of regions by size, because pixel counts hide missed small objects.

A region is a connected component (8 neighbours) of a class; it is found if at least half of its pixels are correctly
labelled. Sizes are areas, with COCO's borders unless `Evaluate.size_borders` sets others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.metrics.image_rows import Row
from segcli.metrics.label_pair import LabelPair
from segcli.metrics.semantic_scores import Values, ratio

FOUND = 0.5
"""Minimum share of correct pixels of a region that counts as found."""
COLUMNS = 2
"""Numbers per class: found regions, and all regions."""


@dataclass(frozen=True)
class Regions:
    """The connected components of the truth.

    Attributes:
        class_id: Class id of each region [R].
        area_px: Number of its pixels [R].
        right_px: Number of its correctly labelled pixels [R].
    """

    class_id: NDArray[np.int64]
    area_px: NDArray[np.int64]
    right_px: NDArray[np.int64]


def regions_of(pair: LabelPair) -> Regions:
    """All regions of an image."""
    found = [np.zeros((3, 0), np.int64)]
    for class_id in pair.present:
        mask = np.asarray(pair.truth == class_id)
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        if not width:
            continue
        inside = mask[y : y + height, x : x + width]
        count, parts = cv2.connectedComponents(np.ascontiguousarray(inside).view(np.uint8), connectivity=8)
        right = inside & (pair.prediction[y : y + height, x : x + width] == class_id)
        area, hits = (np.bincount(parts[where], minlength=count)[1:] for where in (inside, right))
        found.append(np.stack([np.full(count - 1, class_id), area, hits]))
    return Regions(*np.concatenate(found, axis=1))


def count_found_regions(pair: LabelPair, *, least_px: float, most_px: float) -> Row:
    """Found and all regions of each class whose area is in a range: float64 [2 x classes].

    Args:
        pair: The label maps.
        least_px: Smallest area of the range, inclusive.
        most_px: Largest area of the range, exclusive.
    """
    regions = pair.once(regions_of)
    inside = (regions.area_px >= least_px) & (regions.area_px < most_px)
    hits = inside & (regions.right_px >= FOUND * regions.area_px)
    counts = [np.bincount(regions.class_id[chosen], minlength=pair.num_classes) for chosen in (hits, inside)]
    return np.concatenate(counts).astype(np.float64)


def region_recall(sums: NDArray[Any]) -> Values:
    """Share of found regions per class [..., classes]; NaN where there is no region of the size."""
    found, regions = np.split(sums, COLUMNS, axis=-1)
    return ratio(found, regions)
