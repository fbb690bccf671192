"""The stored data of objects and detections: classes, scores, areas, and the IoU of overlapping pairs.

All metrics of instance segmentation are computed from it: average precision, kinds of errors, curves, confusion,
intervals. No masks are kept; an image takes a few dozen bytes per detection and per overlapping pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.detections import Detections
from segcli.data.instances import InstanceSample
from segcli.metrics.boundary import DILATION_RATIO, band

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_IOU = 0.1
"""Minimum IoU of a stored pair; a detection below it is a background error (TIDE)."""


@dataclass(frozen=True)
class Pairs:
    """Objects and detections, of one image or of many, and which of them overlap.

    Attributes:
        truth_image: Image index of each object [G].
        truth_class: Class id of each object [G].
        truth_area: Area in pixels from the annotation [G].
        truth_crowd: Whether it is a crowd (`iscrowd`) [G].
        found_image: Image index of each detection [D].
        found_class: Class id of each detection [D].
        found_score: Score of each detection [D].
        found_area: Area in pixels of each detection [D].
        pair_found: Detection of each pair [P].
        pair_truth: Object of each pair [P].
        pair_iou: IoU of each pair, at least `LEAST_IOU`; for a crowd the share of the detection that it covers [P].
    """

    truth_image: Ints
    truth_class: Ints
    truth_area: Floats
    truth_crowd: Bools
    found_image: Ints
    found_class: Ints
    found_score: Floats
    found_area: Floats
    pair_found: Ints
    pair_truth: Ints
    pair_iou: Floats

    @staticmethod
    def joined(images: Sequence[Pairs]) -> Pairs:
        """Concatenates the pairs of single images; their order gives the image indices."""
        columns = {
            field.name: np.concatenate([_COLUMNS[field.name], *(getattr(one, field.name) for one in images)])
            for field in fields(Pairs)
        }
        truths, founds, pairs = (
            np.array([len(getattr(one, name)) for one in images], np.int64)
            for name in ("truth_class", "found_class", "pair_iou")
        )
        numbers = np.arange(len(images))
        columns["truth_image"] += np.repeat(numbers, truths)
        columns["found_image"] += np.repeat(numbers, founds)
        columns["pair_truth"] += np.repeat(np.cumsum(truths) - truths, pairs)
        columns["pair_found"] += np.repeat(np.cumsum(founds) - founds, pairs)
        return Pairs(**columns)


_COLUMNS: dict[str, NDArray[Any]] = {
    field.name: np.zeros(0, {"Floats": np.float64, "Bools": np.bool_}.get(str(field.type), np.int64))
    for field in fields(Pairs)
}
"""Columns of no image, by name."""


def pairs_of_masks(sample: InstanceSample, detections: Detections) -> Pairs:
    """The objects and detections of an image with the IoU of their masks."""
    truth = _truth_codes(sample)
    found: list[Any] = list(detections.masks)
    areas = np.asarray(rle.coco_mask.area(found), np.float64).reshape(-1) if found else np.zeros(0)
    overlap = rle.overlaps(found, truth, _crowds(sample))
    return Pairs(
        truth_image=np.zeros(len(truth), np.int64),
        truth_class=np.array([value.class_id for value in sample.objects], np.int64),
        truth_area=np.array([value.area_px for value in sample.objects], np.float64),
        truth_crowd=np.array(_crowds(sample), np.bool_),
        found_image=np.zeros(len(found), np.int64),
        found_class=np.asarray(detections.classes, np.int64).reshape(-1),
        found_score=np.asarray(detections.scores, np.float64).reshape(-1),
        found_area=areas,
        **_overlapping(overlap),
    )


def pairs_of_boundaries(sample: InstanceSample, detections: Detections, masks: Pairs) -> Pairs:
    """The pairs of masks, with the minimum of mask IoU and boundary IoU (Cheng et al. 2021, section 5).

    Args:
        sample: The image.
        detections: Its detections.
        masks: The pairs of its masks.
    """
    if not len(masks.pair_iou):
        return masks
    width_px = max(1, round(DILATION_RATIO * float(np.hypot(sample.height, sample.width))))
    found = [_boundary(code, width_px) for code in detections.masks]
    truth = [_boundary(code, width_px) for code in _truth_codes(sample)]
    overlap = rle.overlaps(found, truth, _crowds(sample))
    iou = np.minimum(masks.pair_iou, overlap[masks.pair_found, masks.pair_truth])
    kept = iou >= LEAST_IOU
    pairs = masks.pair_found[kept], masks.pair_truth[kept], iou[kept]
    return replace(masks, pair_found=pairs[0], pair_truth=pairs[1], pair_iou=pairs[2])


def _boundary(code: Any, width_px: int) -> dict[str, Any]:
    """The band along the contour of a mask."""
    height, width = code["size"]
    x, y, columns, rows = (int(side) for side in rle.coco_mask.to_bbox(code))
    crop = np.asarray(rle.coco_mask.decode(code))[y : y + rows, x : x + columns] > 0
    return dict(rle.encode_crop(band(np.ascontiguousarray(crop), width_px), x, y, height, width))


def pairs_of_boxes(sample: InstanceSample, detections: Detections, masks: Pairs) -> Pairs:
    """The pairs of masks, with the IoU and areas of the boxes.

    Args:
        sample: The image.
        detections: Its detections.
        masks: The pairs of its masks.
    """
    found = boxes_of(detections)
    truth = np.array([value.box for value in sample.objects], np.float64).reshape(-1, 4)
    overlap = np.zeros((len(found), len(truth)))
    if overlap.size:
        overlap = np.asarray(rle.coco_mask.bbox_iou(found, truth, _crowds(sample)), np.float64)
    return replace(masks, found_area=found[:, 2] * found[:, 3], **_overlapping(overlap))


def boxes_of(detections: Detections) -> Floats:
    """Left, top, width and height in pixels [N, 4]; the masks' bounding boxes if the model predicts no boxes."""
    if detections.boxes is None:
        return np.array([rle.bounding_box(mask) for mask in detections.masks], np.float64).reshape(-1, 4)
    corners = np.asarray(detections.boxes, np.float64).reshape(-1, 4)
    return np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1)


def _truth_codes(sample: InstanceSample) -> list[Any]:
    """Masks of the objects as run-length codes."""
    height, width = sample.height, sample.width
    return [_code(value.segmentation, height, width) for value in sample.objects]


def _code(outline: Any, height: int, width: int) -> Any:
    if not isinstance(outline, tuple):
        return outline
    if len(outline) != 1:
        return rle.from_polygons(outline, height, width)
    return rle.coco_mask.fr_poly(outline[0], height, width)


def _crowds(sample: InstanceSample) -> list[bool]:
    return [value.is_crowd for value in sample.objects]


def _overlapping(overlap: Floats) -> dict[str, Any]:
    """The pairs of IoUs [D, G] that are stored, as columns of `Pairs`."""
    found, truth = np.nonzero(overlap >= LEAST_IOU)
    return {"pair_found": found, "pair_truth": truth, "pair_iou": overlap[found, truth]}
