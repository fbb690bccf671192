"""Outputs of third-party instance models, converted to those of segcli's: boxes, counts, coefficients, prototypes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.errors import WeightsError
from segcli.inference.decode_labels import softmax
from segcli.inference.guests.semantic import sigmoid
from segcli.models.instance.table import MaskForm

if TYPE_CHECKING:
    from segcli.models.guest_card import GuestCard

Floats = NDArray[np.float32]
LEAST_SCORE = 0.001
"""Score below which objects are always dropped, even for metrics."""
FORMS = {"yolo": MaskForm.CUT_PROTOTYPES, "detr": MaskForm.PROTOTYPES}


@dataclass(frozen=True)
class PlacedImage:
    """Position of an image in the network's input; all pairs are (vertical, horizontal) in pixels.

    Attributes:
        corner: Top and left of the image in the input.
        resized: Height and width of the image in the input.
        size: Height and width of the original image.
        whole: Height and width of the input.
    """

    corner: tuple[int, int]
    resized: tuple[int, int]
    size: tuple[int, int]
    whole: tuple[int, int]

    def boxes_of(self, boxes: NDArray[Any]) -> Floats:
        """Maps boxes x1, y1, x2, y2 from pixels of the input to pixels of the image, clipped to it."""
        (top, left), (height, width) = self.corner, self.size
        scale = np.array([width / self.resized[1], height / self.resized[0]] * 2)
        moved = (boxes - np.array([left, top, left, top])) * scale
        return np.asarray(np.clip(moved, 0, [width, height, width, height]), np.float32)

    def maps_of(self, maps: Floats) -> Floats:
        """The part of maps [K, h, w] of the whole input that belongs to the image."""
        steps = self.whole[0] / maps.shape[1], self.whole[1] / maps.shape[2]
        counts = [max(1, round(side / step)) for side, step in zip(self.resized, steps, strict=True)]
        if (counts[0], counts[1]) == maps.shape[1:]:
            return maps
        # each cell of the part is sampled at its centre
        scales = [side / count / step for side, count, step in zip(self.resized, counts, steps, strict=True)]
        begins = [
            corner / step + scale / 2 - 0.5 for corner, step, scale in zip(self.corner, steps, scales, strict=True)
        ]
        move = np.array([[scales[1], 0, begins[1]], [0, scales[0], begins[0]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = counts[1], counts[0]
        parts = [cv2.warpAffine(one, move, size, flags=flags, borderMode=cv2.BORDER_REPLICATE) for one in maps]
        return np.stack(parts)


def objects_of(found: Sequence[NDArray[Any]], card: GuestCard, place: PlacedImage) -> list[NDArray[Any]]:
    """``bbox`` [N, 6], ``bbox_num`` [1], coefficients [N, K] and prototypes [1, K, h, w] of one image.

    Raises:
        WeightsError: The outputs do not match the card.
    """
    return (_yolo if card.output.kind == "yolo" else _detr)(found, card, place)


def _yolo(found: Sequence[NDArray[Any]], card: GuestCard, place: PlacedImage) -> list[NDArray[Any]]:
    if len(found) < 2 or found[0].ndim != 3 or found[1].ndim != 4:
        raise _wrong_outputs(found, "boxes [1, 4 + classes + K, N] and prototypes [1, K, h, w]")
    prototypes = np.asarray(found[1][0], np.float32)
    if card.output.layout == "NHWC":
        prototypes = np.ascontiguousarray(prototypes.transpose(2, 0, 1))
    width = 4 + len(card.classes) + len(prototypes)
    rows = np.asarray(found[0][0], np.float32)
    rows = rows if rows.shape[1] == width else rows.T
    if rows.shape[1] != width:
        raise _wrong_outputs(found, f"boxes with {width} values each")
    scores = rows[:, 4 : 4 + len(card.classes)]
    scores = sigmoid(scores) if card.output.activation == "sigmoid" else scores
    classes, best = scores.argmax(axis=1), scores.max(axis=1)
    likely = np.flatnonzero(best >= LEAST_SCORE)
    corners = _corners(rows[likely, :4])
    kept = likely[_suppressed(corners, best[likely], classes[likely], card.output.iou)][: card.output.most]
    boxes = place.boxes_of(_corners(rows[kept, :4]))
    bbox = np.column_stack([classes[kept], best[kept], boxes]).astype(np.float32).reshape(-1, 6)
    coefficients = rows[kept, 4 + len(card.classes) :]
    return [bbox, np.array([len(kept)], np.int32), coefficients, place.maps_of(prototypes)[None]]


def _suppressed(corners: Floats, scores: Floats, classes: NDArray[Any], iou: float) -> NDArray[np.int64]:
    """Indices of the boxes that stay, best first: non-maximum suppression per class."""
    if not len(corners):
        return np.zeros(0, np.int64)
    sides = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(sides.tolist(), scores.tolist(), classes.tolist(), 0.0, iou)
    places = np.asarray(kept, np.int64).reshape(-1)
    return places[np.argsort(-scores[places], kind="stable")]


def _detr(found: Sequence[NDArray[Any]], card: GuestCard, place: PlacedImage) -> list[NDArray[Any]]:
    if len(found) < 3 or found[0].ndim != 3 or found[1].ndim != 3 or found[2].ndim != 4:
        raise _wrong_outputs(found, "boxes [1, N, 4], logits [1, N, classes] and masks [1, N, h, w]")
    boxes, logits, masks = (np.asarray(one[0], np.float32) for one in found[:3])
    scores = _detr_scores(logits, card)
    if scores.shape[1] != len(card.classes) or boxes.shape[1] != 4:
        raise _wrong_outputs(found, f"logits of {len(card.classes)} classes")
    flat = scores.reshape(-1)
    order = np.argsort(-flat, kind="stable")[: card.output.most]
    order = order[flat[order] >= LEAST_SCORE]
    rows, classes = np.divmod(order, scores.shape[1])
    sides = boxes[rows] * np.array([*place.whole[::-1], *place.whole[::-1]], np.float32)
    corners = _corners(sides) if card.output.boxes == "cxcywh" else sides
    bbox = np.column_stack([classes, flat[order], place.boxes_of(corners)]).astype(np.float32).reshape(-1, 6)
    used, which = np.unique(rows, return_inverse=True)
    prototypes = place.maps_of(masks[used]) if len(used) else np.zeros((0, *masks.shape[1:]), np.float32)
    coefficients = np.eye(len(used), dtype=np.float32)[which.reshape(-1)]
    return [bbox, np.array([len(bbox)], np.int32), coefficients, prototypes[None]]


def _detr_scores(logits: Floats, card: GuestCard) -> Floats:
    """Scores [N, classes] without the background class."""
    if card.output.activation == "softmax":
        scores = softmax(logits, axis=1)
    else:
        scores = sigmoid(logits) if card.output.activation == "sigmoid" else logits
    parts = {"none": slice(None), "first": slice(1, None), "last": slice(None, -1)}
    return np.ascontiguousarray(scores[:, parts[card.output.background]])


def _corners(boxes: Floats) -> Floats:
    """Converts boxes from centre x, centre y, width, height to x1, y1, x2, y2."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def _wrong_outputs(found: Sequence[NDArray[Any]], wanted: str) -> WeightsError:
    shapes = ", ".join(str(list(one.shape)) for one in found)
    return WeightsError(
        f"the network gives {shapes}; its card describes {wanted}",
        hint="correct classes, output.kind or output.names in the card, and import it again",
    )
