"""Objects that are outlined twice are found; neighbours, parts and frames are not."""

from __future__ import annotations

import numpy as np

from segcli.data import rle
from segcli.data.polygons import polygons_box
from segcli.data.same_outlines import NEAR_PX, NEAR_SHARE, _near_boxes, repeated_outlines

SIDE = 400


def ring(x: float, y: float, radius: float, corners: int = 9) -> tuple[tuple[float, ...], ...]:
    angles = np.arange(corners) * 2 * np.pi / corners
    points = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
    return (tuple(points.ravel().tolist()),)


def pairs(*outlines) -> list[tuple[int, int]]:
    return [(one.index, one.original) for one in repeated_outlines(outlines, SIDE, SIDE)]


def test_outlines_a_third_of_a_pixel_apart_are_found() -> None:
    for radius in (6, 20, 150):
        assert pairs(ring(200, 200, radius), ring(50, 50, 5), ring(200.3, 200.3, radius)) == [(2, 0)]


def test_every_copy_names_the_first() -> None:
    assert pairs(*[ring(200, 200, 20)] * 4) == [(1, 0), (2, 0), (3, 0)]


def test_objects_of_one_box_are_told_apart_by_their_pixels() -> None:
    diagonals = ((10.0, 10.0, 14.0, 10.0, 90.0, 86.0, 90.0, 90.0),), ((90.0, 10.0, 86.0, 10.0, 10.0, 86.0, 10.0, 90.0),)
    assert pairs(*diagonals) == []


def test_neighbours_and_frames_are_no_copies() -> None:
    assert pairs(ring(100, 100, 8), ring(102.5, 100, 8), ring(100, 100, 12)) == []


def test_pixels_are_compared_with_polygons() -> None:
    outline = ring(200, 200, 30)
    code = rle.from_polygons(outline, SIDE, SIDE)
    assert pairs(outline, code, code) == [(1, 0), (2, 0)]


def test_the_pairs_are_those_of_all_boxes_compared_with_all() -> None:
    rng = np.random.default_rng(0)
    outlines = [ring(*rng.uniform(50, 70, 2), rng.uniform(8, 14)) for _ in range(150)]
    found = {(one.original, one.index) for one in repeated_outlines(outlines, SIDE, SIDE)}
    boxes = np.array([polygons_box(one) for one in outlines])
    edges = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    near = np.abs(edges[:, None] - edges[None]).max(axis=2) <= NEAR_PX
    repeated = {index for _, index in found}
    for original, index in found:
        assert original not in repeated and near[index].sum() > 1
    masks = [rle.decode(rle.from_polygons(one, SIDE, SIDE)).astype(bool) for one in outlines]
    for one, other in zip(*np.nonzero(np.triu(near, k=1)), strict=True):
        share = (masks[one] & masks[other]).sum() / (masks[one] | masks[other]).sum()
        if share >= 0.85:
            assert other in repeated or one in repeated
    assert found


def test_many_equal_outlines_are_found_in_linear_time_and_memory() -> None:
    box = np.array([[1.0, 1.0, 8.0, 8.0]])
    outlines = [((1.0, 1.0, 9.0, 1.0, 9.0, 9.0),)] * 1000

    found = repeated_outlines(outlines, 20, 20)

    assert [(one.index, one.original) for one in found] == [(index, 0) for index in range(1, 1000)]
    assert len(_near_boxes(np.repeat(box, 5000, axis=0))) <= 8 * 5000  # of 12 million pairs


def test_near_boxes_are_those_that_each_compared_with_each_gives() -> None:
    rng = np.random.default_rng(0)
    boxes = np.concatenate([rng.random((200, 2)) * 200, rng.random((200, 2)) * 60 + 1], axis=1)
    boxes[100:] = boxes[:100] + rng.random((100, 4)) * 0.8
    edges = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    slack = np.maximum(NEAR_PX, NEAR_SHARE * boxes[:, 2:].min(axis=1))
    expected = [
        (one, other)
        for one in range(200)
        for other in range(one + 1, 200)
        if np.abs(edges[one] - edges[other]).max() <= slack[one if edges[one, 0] <= edges[other, 0] else other]
    ]
    assert [tuple(pair) for pair in _near_boxes(boxes).tolist()] == expected
