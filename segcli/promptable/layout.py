"""Converts prompts to the input of Segment Anything: labelled points, in model pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from segcli.promptable.prompts import ObjectPrompt

FloatArray = npt.NDArray[np.float32]

PADDING, BESIDE, ON, BOX_START, BOX_END = -1, 0, 1, 2, 3
"""Labels of points; a box is given by the two points of its corners."""


def points_of_prompts(
    boxes: FloatArray | None,
    points: FloatArray | None,
    labels: FloatArray | None,
) -> tuple[FloatArray, FloatArray]:
    """Converts boxes and points to the labelled points that the prompt encoder takes.

    Without a box a padding point is added, as in Meta's predictor.

    Args:
        boxes: ``[B, 4]`` x1, y1, x2, y2 in model pixels, or None.
        points: ``[B, N, 2]``, or None.
        labels: ``[B, N]``, or None.

    Returns:
        Coordinates ``[B, M, 2]`` and labels ``[B, M]``, float32.

    Raises:
        ValueError: There is neither a box nor a point, or points have no labels.
    """
    if boxes is None and points is None:
        raise ValueError("a prompt needs a box or a point")
    coords: list[FloatArray] = []
    kinds: list[FloatArray] = []
    if points is not None:
        if labels is None:
            raise ValueError("points need labels")
        coords, kinds = [np.asarray(points, np.float32)], [np.asarray(labels, np.float32)]
    if boxes is not None:
        corners = np.asarray(boxes, np.float32).reshape(-1, 2, 2)
        coords.append(corners)
        kinds.append(np.tile(np.array([[BOX_START, BOX_END]], np.float32), (len(corners), 1)))
    else:
        count = len(coords[0])
        coords.append(np.zeros((count, 1, 2), np.float32))
        kinds.append(np.full((count, 1), PADDING, np.float32))
    return np.concatenate(coords, axis=1), np.concatenate(kinds, axis=1)


def prompt_arrays(
    objects: Sequence[ObjectPrompt], to_model: Callable[[npt.NDArray[np.float64]], FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Converts prompts of the same structure to labelled points.

    Args:
        objects: B prompts with the same number of points, all with or all without a box.
        to_model: Maps image pixels to model pixels.

    Returns:
        Coordinates ``[B, N, 2]`` and labels ``[B, N]``, float32.
    """
    has_box, has_points = objects[0].box is not None, bool(objects[0].points)
    boxes = to_model(np.array([prompt.box for prompt in objects], np.float64).reshape(-1, 2, 2)) if has_box else None
    clicks = np.array([[(point.x, point.y) for point in prompt.points] for prompt in objects], np.float64)
    labels = np.array([[point.label for point in prompt.points] for prompt in objects], np.float32)
    if not has_points:
        return points_of_prompts(boxes, None, None)
    return points_of_prompts(boxes, to_model(clicks), labels)


def alike(objects: Sequence[ObjectPrompt], batch: int) -> Iterator[list[int]]:
    """Batches of indices of prompts with the same structure, which need no padding (it would change the masks)."""
    groups: dict[tuple[bool, int], list[int]] = {}
    for index, prompt in enumerate(objects):
        groups.setdefault((prompt.box is None, len(prompt.points)), []).append(index)
    for indices in groups.values():
        for start in range(0, len(indices), batch):
            yield indices[start : start + batch]
