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


def test_boxes_narrower_than_a_pixel_have_the_gradient_of_their_features() -> None:
    """Paddle's own gradient is that of a box of one pixel, not that of its features."""
    corners = BOXES.copy()
    corners[:, 2:] = corners[:, :2] + (1.5, 2)
    corners[-1, 2:] = corners[-1, :2]  # empty
    boxes = PlacedBoxes(corners, IMAGES, LEVELS, SCALES)
    maps = [paddle.to_tensor(one.astype(np.float32), stop_gradient=False) for one in MAPS]
    out = RoiAlign.apply(boxes, 4, *maps)
    weighted = (out * paddle.rand(out.shape)).sum()
    weighted.backward()

    assert (out[-1].numpy() == 0).all() and (out[-2].numpy() != 0).any()
    # features are linear in the maps
    products = sum(float((one * one.grad).sum()) for one in maps)
    assert products == pytest.approx(float(weighted), rel=1e-4)


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
