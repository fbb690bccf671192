"""How many true regions are found, by size: what pixel counts do not show of small things.

A region is a connected part (8 neighbours) of a class; it is found when at least half of its pixels are rightly
labelled. Sizes are areas, with COCO's borders unless `Evaluate.size_borders` says others.
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
"""Least share of the pixels of a region that is found."""
COLUMNS = 2
"""Numbers per class: regions that are found, and how many there are."""


@dataclass(frozen=True)
class Regions:
    """The connected parts of the truth.

    Attributes:
        class_id: Of each region [R].
        area_px: Its pixels [R].
        right_px: Those of them that are rightly labelled [R].
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
        least_px: Least area that belongs to the range.
        most_px: Area from which regions are too large for it.
    """
    regions = pair.once(regions_of)
    inside = (regions.area_px >= least_px) & (regions.area_px < most_px)
    hits = inside & (regions.right_px >= FOUND * regions.area_px)
    counts = [np.bincount(regions.class_id[chosen], minlength=pair.num_classes) for chosen in (hits, inside)]
    return np.concatenate(counts).astype(np.float64)


def region_recall(sums: NDArray[Any]) -> Values:
    """Share of the regions of each class that is found [..., classes]; NaN where there is none of the size."""
    found, regions = np.split(sums, COLUMNS, axis=-1)
    return ratio(found, regions)
