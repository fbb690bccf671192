"""Scales, moves and mirrors an image and its objects in one step, at the size of the network's input."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data import rle

Sample = dict[str, Any]
Matrix = NDArray[np.float64]

_GREY = 127


class WarpWithMasks:
    """Resizes an image to a square, moves and mirrors it at random, and rasterises the masks of its objects there.

    Polygons are moved before they are filled, so that no mask of the original size is made; RLE masks are decoded.

    Args:
        size: Side of the square in pixels.
        crop: Side in pixels of the random crop of that square; None for no crop.
        scale: Largest factor by which the image is enlarged, or shrunk.
        shift: Largest shift, relative to the side of the square.
        mirror: Probability of swapping left and right.
        flip: Probability of swapping top and bottom.
        turn: Probability of swapping rows and columns.
    """

    def __init__(
        self,
        size: int,
        *,
        crop: int | None = None,
        scale: float = 1.25,
        shift: float = 0.1,
        mirror: float = 0.5,
        flip: float = 0.5,
        turn: float = 0.0,
    ) -> None:
        self._size = size
        self._crop = min(crop or size, size)
        self._scale = scale
        self._shift = shift
        self._mirror = mirror
        self._flip = flip
        self._turn = turn

    def __call__(self, sample: Sample) -> Sample:
        """The sample with ``gt_segm`` [n, crop, crop]; objects that have left the image are left out."""
        image, size, crop = sample["image"], self._size, self._crop
        height, width = image.shape[:2]
        shrinks = size <= min(height, width)
        small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        move = self._random_move()
        filled = (_GREY, _GREY, _GREY)
        # OpenCV's coordinates start at the centre of the first pixel, those of contours at its edge
        centred = move.copy()
        centred[:, 2] += move[:, :2].sum(axis=1) * 0.5 - 0.5
        small = cv2.warpAffine(small, centred, (crop, crop), flags=cv2.INTER_LINEAR, borderValue=filled)
        stretch = np.array([size / width, size / height])
        masks = [self._moved(outline, move, stretch, (height, width)) for outline in sample["gt_poly"]]
        kept, boxes = _left(masks)
        segments = np.stack([masks[row] for row in kept]) if kept else np.zeros((0, crop, crop), np.uint8)
        rest = {name: value for name, value in sample.items() if name != "gt_poly"}
        return {
            **rest,
            "image": small,
            "gt_segm": segments,
            "gt_bbox": np.array(boxes, np.float32).reshape(-1, 4),
            "gt_class": sample["gt_class"][kept],
            "is_crowd": sample["is_crowd"][kept],
            "im_shape": np.array([crop, crop], np.float32),
        }

    def _random_move(self) -> Matrix:
        """Random affine matrix [2, 3] from coordinates in the square to coordinates in the crop."""
        size = self._size
        grown = np.exp(np.random.uniform(-1, 1) * np.log(self._scale))
        mirrored = -grown if np.random.uniform() < self._mirror else grown
        flipped = -grown if np.random.uniform() < self._flip else grown
        x, y = (np.random.uniform(-1, 1) * self._shift * size for _ in range(2))
        left, top = (np.random.uniform() * (size - self._crop) for _ in range(2))
        middle = size / 2
        x, y = middle - mirrored * middle + x - left, middle - flipped * middle + y - top
        if np.random.uniform() < self._turn:
            return np.array([[0, flipped, y], [mirrored, 0, x]])
        return np.array([[mirrored, 0, x], [0, flipped, y]])

    def _moved(self, outline: Any, move: Matrix, stretch: Matrix, original: tuple[int, int]) -> NDArray[np.uint8]:
        size, crop = self._size, self._crop
        if isinstance(outline, list):
            rings = [np.asarray(ring, np.float64).reshape(-1, 2) * stretch for ring in outline]
            moved = [(ring @ move[:, :2].T + move[:, 2]).reshape(-1).tolist() for ring in rings]
            return rle.decode(rle.from_polygons(moved, crop, crop))
        whole = rle.decode(outline).astype(np.float32)
        matrix = move.copy()
        matrix[:, :2] *= stretch
        matrix[:, 2] += matrix[:, :2].sum(axis=1) * 0.5 - 0.5
        shrunk = cv2.blur(whole, tuple(max(1, round(side / size)) for side in original[::-1]))
        return np.asarray(cv2.warpAffine(shrunk, matrix, (crop, crop), flags=cv2.INTER_LINEAR) > 0.5, np.uint8)


def _left(masks: list[NDArray[np.uint8]]) -> tuple[list[int], list[list[int]]]:
    """Indices of the objects that are still in the image, and their boxes ``xyxy``."""
    kept, boxes = [], []
    for row, mask in enumerate(masks):
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        if len(columns):
            kept.append(row)
            boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return kept, boxes
