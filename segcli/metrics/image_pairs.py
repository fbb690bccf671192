"""What an instance evaluation keeps of one image: numbers of its objects and detections, and which of them overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.detections import Detections
from segcli.data.instances import InstanceSample
from segcli.data.rle import Rle
from segcli.metrics.boundary import DILATION_RATIO, band

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_IOU = 0.1
"""Minimum IoU of a stored pair; a detection below it is a background error (TIDE)."""

CLASS, AREA, CROWD, BOX = 0, 1, 2, slice(3, 7)
"""Columns of the objects; a box is its left, top, width and height in pixels."""
SCORE = 2
"""Of detections instead of `CROWD`."""
COLUMNS = 7


@dataclass(frozen=True)
class ImagePairs:
    """Objects and detections of one image, in a few arrays: there is one of these per image.

    Attributes:
        objects: Class, area in pixels from the annotation, whether it is a crowd, box [G, 7].
        found: Class, area in pixels, score, box of each detection [D, 7].
        place: Of each pair of an object and a detection whose masks overlap, ``detection * G + object`` [P].
        iou: IoU of each pair, at least `LEAST_IOU`; for a crowd the share of the detection that it covers [P].
        boundary_iou: The minimum of mask IoU and boundary IoU of each pair (Cheng et al. 2021, section 5) [P], if
            it was measured.
    """

    objects: Floats
    found: Floats
    place: Ints
    iou: Floats
    boundary_iou: Floats | None = None


def image_pairs(
    sample: InstanceSample, truth: Sequence[Rle], detections: Detections, *, boundary: bool = False
) -> ImagePairs:
    """The objects and detections of an image with the IoU of their masks.

    Args:
        sample: The image.
        truth: `true_masks` of it.
        detections: Its detections.
        boundary: Also measures the boundaries, a few milliseconds per image.
    """
    objects = [(one.class_id, one.area_px, one.is_crowd, *one.box) for one in sample.objects]
    masks: list[Any] = list(detections.masks)
    found = np.empty((len(masks), COLUMNS))
    found[:, CLASS], found[:, SCORE] = detections.classes, detections.scores
    found[:, BOX] = boxes_of(detections)
    crowds = [one.is_crowd for one in sample.objects]
    place, iou, bands = np.zeros(0, np.int64), np.zeros(0), None
    if masks:
        found[:, AREA] = rle.coco_mask.area(masks)
    if masks and truth:
        overlap = rle.overlaps(masks, truth, crowds).reshape(-1)
        place = np.flatnonzero(overlap >= LEAST_IOU)
        iou = overlap[place]
    if boundary:
        bands = np.minimum(iou, _boundary_overlaps(sample, masks, truth, crowds)[place]) if len(place) else iou
    return ImagePairs(np.array(objects, np.float64).reshape(-1, COLUMNS), found, place, iou, bands)


def boxes_of(detections: Detections) -> Floats:
    """Left, top, width and height in pixels [N, 4]; the masks' bounding boxes if the model predicts no boxes."""
    if detections.boxes is None:
        masks: list[Any] = list(detections.masks)
        return np.asarray(rle.coco_mask.to_bbox(masks) if masks else [], np.float64).reshape(-1, 4)
    boxes = np.array(detections.boxes, np.float64).reshape(-1, 4)
    boxes[:, 2:] -= boxes[:, :2]
    return boxes


def true_masks(sample: InstanceSample) -> list[Rle]:
    """Masks of the objects; outlines of one polygon are filled together."""
    height, width = sample.height, sample.width
    outlines = [one.segmentation for one in sample.objects]
    filled = iter(rle.filled([one[0] for one in outlines if isinstance(one, tuple) and len(one) == 1], height, width))
    codes: list[Rle] = []
    for one in outlines:
        if isinstance(one, tuple):
            codes.append(next(filled) if len(one) == 1 else rle.from_polygons(one, height, width))
        else:
            codes.append(one)
    return codes


def _boundary_overlaps(
    sample: InstanceSample, found: Sequence[Rle], truth: Sequence[Rle], crowds: list[bool]
) -> Floats:
    """IoU of the bands along the contours [D * G]."""
    width_px = max(1, round(DILATION_RATIO * float(np.hypot(sample.height, sample.width))))
    bands = [_boundary(code, width_px) for code in found], [_boundary(code, width_px) for code in truth]
    return rle.overlaps(*bands, crowds).reshape(-1)


def _boundary(code: Rle, width_px: int) -> Rle:
    """The band along the contour of a mask."""
    height, width = code["size"]
    found = rle.decode_crop(code)
    if found is None:
        return rle.empty(height, width)
    crop, x, y = found
    return rle.encode_crop(band(crop > 0, width_px), x, y, height, width)
