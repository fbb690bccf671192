"""Everything mode: masks of all objects in an image, from a grid of points (SAM, section 5 and appendix B)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segcli.promptable.masks import PromptMask, make_mask, stability_score
from segcli.promptable.predictor import SamPredictor
from segcli.promptable.prompts import ObjectPrompt, Point

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EverythingSettings:
    """Settings of the everything mode; the defaults are Meta's.

    Attributes:
        points_per_side: Points per side of the grid.
        min_score: Smallest predicted IoU of a mask.
        min_stability: Smallest stability of a mask.
        max_overlap: Of two masks whose boxes have a higher IoU, the one with the lower score is dropped.
        min_area_px: Smallest area of a mask in pixels.
        batch_points: Points decoded per batch.
    """

    points_per_side: int = 32
    min_score: float = 0.88
    min_stability: float = 0.95
    max_overlap: float = 0.7
    min_area_px: int = 1
    batch_points: int = 16


def segment_everything(predictor: SamPredictor, settings: EverythingSettings | None = None) -> list[PromptMask]:
    """Finds the objects of the image that was set.

    Score and stability are tested at the model's resolution, so that only the masks that stay are enlarged.

    Args:
        predictor: With an image set.
        settings: Settings; None for the defaults.

    Returns:
        Masks in order of descending score; an empty list if none passes the thresholds.

    Raises:
        UsageError: No image was set.
    """
    settings = settings or EverythingSettings()
    placement = predictor.encoded.placement
    points = grid_points(settings.points_per_side) * (placement.width, placement.height)
    kept: list[tuple[float, float, int, FloatArray, Point]] = []
    for start in range(0, len(points), settings.batch_points):
        batch = points[start : start + settings.batch_points]
        # Each point is followed by the padding point of a prompt without a box.
        coords = placement.to_model(np.stack([batch, np.zeros_like(batch)], axis=1))
        labels = np.tile(np.array([[1.0, -1.0]], np.float32), (len(batch), 1))
        logits, iou = predictor.decode_points(coords, labels)
        rows, columns = placement.used_part(logits.shape[-1])
        stability = stability_score(logits[:, :, :rows, :columns])
        is_kept = (iou >= settings.min_score) & (stability >= settings.min_stability)
        for index, choice in zip(*np.nonzero(is_kept[:, 1:]), strict=True):
            one = (int(index), 1 + int(choice))
            point = Point(float(batch[index, 0]), float(batch[index, 1]))
            kept.append((float(iou[one]), float(stability[one]), one[1], logits[one].copy(), point))
    return _finish(predictor, kept, settings)


def grid_points(per_side: int) -> npt.NDArray[np.float64]:
    """Centres of ``per_side x per_side`` cells, ``[n, 2]`` x and y in 0..1."""
    centres = (np.arange(per_side) + 0.5) / per_side
    x, y = np.meshgrid(centres, centres)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def suppress_overlaps(boxes: npt.NDArray[np.float64], scores: Sequence[float], max_overlap: float) -> list[int]:
    """Non-maximum suppression.

    Args:
        boxes: ``[n, 4]`` x1, y1, x2, y2.
        scores: Score of each box.
        max_overlap: Highest IoU that two boxes may have.

    Returns:
        Indices of the boxes that stay, in order of descending score.
    """
    order = [int(index) for index in np.argsort(-np.asarray(scores, np.float64), kind="stable")]
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    stay: list[int] = []
    for index in order:
        corner = np.maximum(boxes[stay, :2], boxes[index, :2])
        sides = np.clip(np.minimum(boxes[stay, 2:], boxes[index, 2:]) - corner, 0, None)
        shared = sides[:, 0] * sides[:, 1]
        overlap = shared / np.maximum(areas[stay] + areas[index] - shared, 1e-9)
        if not np.any(overlap > max_overlap):
            stay.append(index)
    return stay


def _finish(
    predictor: SamPredictor,
    kept: Sequence[tuple[float, float, int, FloatArray, Point]],
    settings: EverythingSettings,
) -> list[PromptMask]:
    masks = []
    for score, stability, choice, logits, point in kept:
        mask = predictor.encoded.placement.to_image(logits) > 0
        prompt = ObjectPrompt(points=(point,), name=f"point {point.x:g},{point.y:g}")
        made = make_mask(prompt, mask, score=score, stability=stability, choice=choice, logits=logits)
        if made.area_px >= max(settings.min_area_px, 1):
            masks.append(made)
    if not masks:
        return []
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in (mask.bbox for mask in masks)], np.float64)
    stay = suppress_overlaps(boxes, [mask.score for mask in masks], settings.max_overlap)
    return [masks[index] for index in stay]
