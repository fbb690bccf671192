"""Paste the small masks of an R-CNN head into images, on the host."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Masks = NDArray[np.float32]


def paste_masks(
    masks: Masks, boxes: NDArray[np.float32], height: int, width: int, threshold: float = 0.5
) -> NDArray[np.uint8]:
    """Enlarge each mask bilinearly to its box and cut it at ``threshold``.

    The same values as sampling the whole image's grid (Detectron2's ``paste_masks_in_image``), computed inside the
    boxes alone: two small matrix products an object.

    Args:
        masks: Probabilities [N, M, M].
        boxes: [N, 4], ``xyxy``, in pixels of the image; an empty box gives an empty mask.
        height: Of the image.
        width: Of the image.
        threshold: Lowest probability that belongs to the object.

    Returns:
        0 or 1, [N, height, width].
    """
    image = np.zeros((len(masks), height, width), np.uint8)
    for mask, (x1, y1, x2, y2), out in zip(masks, boxes, image, strict=True):
        if not (x2 > x1 and y2 > y1):
            continue
        top, rows = _weights(float(y1), float(y2), mask.shape[0], height)
        left, columns = _weights(float(x1), float(x2), mask.shape[1], width)
        inside = rows @ mask @ columns.T >= threshold
        out[top : top + len(rows), left : left + len(columns)] = inside
    return image


def _weights(low: float, high: float, cells: int, length: int) -> tuple[int, Masks]:
    """Linear interpolation of ``cells`` values over [low, high) at pixel centres.

    Values beyond the first and the last cell are 0, so the result reaches half a cell further than the box.

    Returns:
        First pixel, and weights [pixels, cells].
    """
    cell = (high - low) / cells
    first = max(0, int(np.floor(low - cell / 2)))
    last = min(length, int(np.ceil(high + cell / 2)))
    pixels = np.arange(first, max(first, last), dtype=np.float32) + 0.5
    position = (pixels - low) / np.float32(cell) - 0.5
    weights = 1.0 - np.abs(position[:, None] - np.arange(cells, dtype=np.float32)[None, :])
    return first, np.maximum(weights, 0.0).astype(np.float32)
