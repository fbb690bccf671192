"""Simulates prompts from annotated masks: boxes with noise, first clicks, and clicks on errors of a prediction."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

JITTER_SHARE = 0.1
JITTER_MAX_PX = 20.0


def box_of_mask(mask: BoolArray) -> FloatArray:
    """The box x1, y1, x2, y2 around a mask ``[H, W]`` in pixels; x2 and y2 are the outer edges of the last pixels.

    Raises:
        ValueError: The mask is empty.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        raise ValueError("an empty mask has no box")
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def jitter_box(
    box: npt.NDArray[Any],
    generator: np.random.Generator,
    width: float,
    height: float,
    *,
    share: float = JITTER_SHARE,
    max_px: float = JITTER_MAX_PX,
) -> FloatArray:
    """Moves the edges of a box as if it was drawn by hand (SAM, appendix A: Training algorithm).

    Args:
        box: x1, y1, x2, y2.
        generator: Random generator of the noise.
        width: Width of the image; the box stays inside.
        height: Height of the image.
        share: Standard deviation as a share of the box's side.
        max_px: Largest shift of an edge in pixels.

    Returns:
        The moved box; a side that would become shorter than one pixel keeps its old edges.
    """
    x1, y1, x2, y2 = (float(value) for value in box)
    deviation = share * np.array([x2 - x1, y2 - y1, x2 - x1, y2 - y1])
    noise = np.clip(generator.normal(size=4) * deviation, -max_px, max_px)
    moved = np.clip(np.array([x1, y1, x2, y2]) + noise, 0, [width, height, width, height])
    is_thin = (moved[2:] - moved[:2]) < 1
    moved[:2] = np.where(is_thin, [x1, y1], moved[:2])
    moved[2:] = np.where(is_thin, [x2, y2], moved[2:])
    return moved.astype(np.float32)


def random_point(region: BoolArray, generator: np.random.Generator) -> tuple[float, float] | None:
    """x and y of a random pixel of a region ``[H, W]``, or None if it is empty."""
    places = np.flatnonzero(region)
    if not places.size:
        return None
    row, column = divmod(int(places[generator.integers(places.size)]), region.shape[1])
    return float(column), float(row)


def central_point(region: BoolArray) -> tuple[float, float] | None:
    """x and y of the pixel of a region ``[H, W]`` farthest from its border, or None if it is empty.

    The border of the image counts as border of the region, as in benchmarks of interactive segmentation.
    """
    if not region.any():
        return None
    depth = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    row, column = divmod(int(np.argmax(depth[1:-1, 1:-1])), region.shape[1])
    return float(column), float(row)


def error_point(
    answer: BoolArray, target: BoolArray, generator: np.random.Generator | None = None
) -> tuple[float, float, int] | None:
    """The next click on a predicted mask: x, y, and the label: 1 if the pixel is missing, 0 if it is extra.

    Args:
        answer: The predicted mask, ``[H, W]``.
        target: The annotated mask, ``[H, W]``.
        generator: If given, a random wrong pixel is chosen (training); else the centre of the largest error by depth
            (evaluation).

    Returns:
        The click; None if the prediction is right everywhere.
    """
    missing, extra = target & ~answer, answer & ~target
    if generator is not None:
        point = random_point(missing | extra, generator)
        return None if point is None else (*point, int(missing[int(point[1]), int(point[0])]))
    candidates = [(region, label, central_point(region)) for region, label in ((missing, 1), (extra, 0))]
    found = [(_depth(region, point), point, label) for region, label, point in candidates if point is not None]
    if not found:
        return None
    _, point, label = max(found, key=lambda entry: entry[0])
    return (*point, label)


def _depth(region: BoolArray, point: tuple[float, float]) -> float:
    depth = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(depth[int(point[1]) + 1, int(point[0]) + 1])
