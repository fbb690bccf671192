"""Features of boxes against Paddle's RoIAlign in double precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import pytest
from paddle.vision.ops import roi_align

from segcli.models.operators.roi_align import PlacedBoxes, RoiAlign

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(0)
SCALES = 1 / 4, 1 / 8
# two images; the places of samples are exact in single precision
MAPS = [RANDOM.normal(size=(2, 3, *shape)) for shape in ((40, 28), (20, 14))]
BOXES = np.array(
    [
        [0, 0, 112, 160],
        [0, 20, 112, 28],  # long
        [-60, -20, 30, 40],  # in part outside
        [90, 120, 180, 260],
        [300, 300, 400, 400],  # outside
        [8, 8, 16, 17],
    ],
    np.float32,
).repeat(2, axis=0)
LEVELS, IMAGES = np.tile([0, 1], 6), np.repeat([0, 1], 6)


def results(function: Callable[..., Any], dtype: str) -> list[Array]:
    """The features, and the gradients of the maps."""
    maps = [paddle.to_tensor(one.astype(dtype), stop_gradient=False) for one in MAPS]
    out = function(*maps)
    weights = np.random.default_rng(1).normal(size=out.shape).astype(dtype)
    (out * paddle.to_tensor(weights)).sum().backward()
    return [out.numpy(), *(one.grad.numpy() for one in maps)]


def paddles(*maps: Any, cells: int) -> Any:
    """Paddle's features, level by level, put back into the order of the boxes."""
    parts, order = [], []
    for level, (one, scale) in enumerate(zip(maps, SCALES, strict=True)):
        chosen = np.flatnonzero(level == LEVELS)
        boxes, counts = BOXES[chosen], np.bincount(IMAGES[chosen]).astype(np.int32)
        given = paddle.to_tensor(boxes.astype(one.numpy().dtype)), paddle.to_tensor(counts)
        parts.append(roi_align(one, *given, cells, scale, 0, True))
        order.extend(chosen)
    return paddle.index_select(paddle.concat(parts), paddle.to_tensor(np.argsort(order)))


@pytest.mark.parametrize("cells", [1, 4, 7])
def test_features_and_gradients_are_paddles_in_double_precision(cells: int) -> None:
    boxes = PlacedBoxes(BOXES, IMAGES, LEVELS, SCALES)
    ours = results(lambda *maps: RoiAlign.apply(boxes, cells, *maps), "float32")
    exact = results(lambda *maps: paddles(*maps, cells=cells), "float64")

    assert (ours[0][8:10] == 0).all() and np.abs(ours[0]).max() > 0.4
    for mine, other in zip(ours, exact, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=5e-6 * np.abs(other).max())


SIDES, CELLS = (9, 11), 3
PLACES = {
    "inside": (2.25, 1.5, 8.5, 7.25),
    "narrow": (3.25, 1.5, 3.75, 7.25),
    "low": (2.25, 3.25, 8.5, 3.5),
    "narrow and low": (3.25, 3.25, 3.75, 3.5),
    "a pixel": (3, 3, 4, 4),
    "nearly a pixel": (3, 3, 3.9375, 3.9375),
    "in part outside on the left": (-4.25, 1.5, 5.25, 7.25),
    "in part outside on the right": (5.25, 3.25, 16.5, 12.75),
    "the whole map": (0, 0, 11, 9),
    "narrow at the border": (0, 0, 0.5, 0.5),
    "larger than the map": (-15, -15, 25, 25),
}
"""Corners in pixels of the map."""


def derivative(corners: Array, weights: Array) -> Array:
    """The gradient of the map for a weighted sum of Paddle's features in double precision, which are linear in it."""
    height, width = SIDES
    each_pixel = paddle.eye(height * width, dtype="float64").reshape([1, -1, height, width])
    count = paddle.to_tensor([1], dtype="int32")
    features = roi_align(each_pixel, paddle.to_tensor(corners.astype(float)), count, CELLS, 0.25, 0, True)
    found: Array = (features.numpy() * weights).sum((0, 2, 3)).reshape(SIDES)
    return found


def gradients(place: str) -> tuple[Array, Array, Array]:
    """The map's gradient in single precision by ours and by Paddle's, and the true one."""
    corners = np.array([PLACES[place]], np.float32) * 4
    weights = np.random.default_rng(1).normal(size=(1, 1, CELLS, CELLS))
    zero = np.zeros(1, np.int64)
    boxes, count = paddle.to_tensor(corners), paddle.to_tensor([1], dtype="int32")
    found = []
    for function in (
        lambda one: RoiAlign.apply(PlacedBoxes(corners, zero, zero, [0.25]), CELLS, one),
        lambda one: roi_align(one, boxes, count, CELLS, 0.25, 0, True),
    ):
        one = paddle.ones([1, 1, *SIDES])
        one.stop_gradient = False
        (function(one) * paddle.to_tensor(weights.astype(np.float32))).sum().backward()
        found.append(one.grad.numpy()[0, 0])
    return found[0], found[1], derivative(corners, weights)


@pytest.mark.parametrize("place", PLACES)
def test_gradients_are_the_derivative_of_paddles_features(place: str) -> None:
    ours, paddles, true = gradients(place)
    norm = np.linalg.norm(true)

    assert np.linalg.norm(ours - true) < 2e-6 * norm
    # Paddle's own gradient on a CPU takes a box for at least a pixel wide and high, its features do not
    is_wrong = place.startswith(("narrow", "low", "nearly"))
    assert (np.linalg.norm(paddles - true) > 0.01 * norm) == is_wrong


def test_empty_boxes_have_features_and_gradients_of_zero() -> None:
    """Those of Paddle are not a number: a mean of no sample."""
    corners = BOXES.copy()
    corners[0, 2:] = corners[0, :2]
    maps = [paddle.to_tensor(one.astype(np.float32), stop_gradient=False) for one in MAPS]
    out = RoiAlign.apply(PlacedBoxes(corners[:1], IMAGES[:1], LEVELS[:1], SCALES), 4, *maps)
    out.sum().backward()
    theirs = roi_align(
        maps[0], paddle.to_tensor(corners[:1]), paddle.to_tensor([1, 0], dtype="int32"), 4, 0.25, 0, True
    )

    assert not out.numpy().any() and not maps[0].grad.numpy().any()
    assert theirs.isnan().all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_boxes_of_a_diverged_network_have_no_features(value: float) -> None:
    corners = BOXES.copy()
    corners[0, 2] = value
    corners[2] = 50, 60, 20, 10
    boxes = PlacedBoxes(corners, IMAGES, LEVELS, SCALES)
    found = RoiAlign.apply(boxes, 4, *(paddle.to_tensor(one.astype(np.float32)) for one in MAPS))

    assert (found[::2][:2].numpy() == 0).all() and (found[1].numpy() != 0).any()


def test_no_box_at_all_has_a_gradient_of_zeros() -> None:
    boxes = PlacedBoxes(BOXES[:0], IMAGES[:0], LEVELS[:0], SCALES)
    maps = [paddle.to_tensor(one.astype(np.float32), stop_gradient=False) for one in MAPS]
    out = RoiAlign.apply(boxes, 4, *maps)
    out.sum().backward()

    assert out.shape == [0, 3, 4, 4]
    assert all(not one.grad.numpy().any() for one in maps)
