from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segcli.inference.square_input import SquareInput
from segcli.promptable.everything import EverythingSettings, grid_points, segment_everything, suppress_overlaps
from segcli.promptable.masks import stability_score
from segcli.promptable.predictor import SamPredictor

SIDE = 64


class BrightRegions:
    """Answers a point with the bright square around it: a network whose answers are known.

    Mask 1 is the square, mask 2 the whole image with a low score, mask 3 the square with soft edges.
    """

    fingerprint = "bright"
    mask_side = SIDE
    squares = ((4, 4, 20, 20), (30, 8, 60, 28))

    def encode(self, image: Any) -> Any:
        return image

    def decode(self, embedding: Any, coords: Any, labels: Any, mask: Any, has_mask: Any) -> Any:
        logits = np.full((len(coords), 4, SIDE, SIDE), -9.0, np.float32)
        iou = np.zeros((len(coords), 4), np.float32)
        for row, (x, y) in enumerate(coords[:, 0]):
            logits[row, 2] = 9.0
            iou[row, 2] = 0.5
            for x1, y1, x2, y2 in self.squares:
                if x1 <= x < x2 and y1 <= y < y2:
                    logits[row, 1, y1:y2, x1:x2] = 9.0
                    logits[row, 3, y1 - 2 : y2 + 2, x1 - 2 : x2 + 2] = 0.5
                    iou[row, 1], iou[row, 3] = 0.95, 0.97
        return logits, iou


@pytest.fixture
def predictor() -> SamPredictor:
    made = SamPredictor(BrightRegions(), SquareInput(SIDE, (0, 0, 0), (1, 1, 1)))
    made.set_image(np.zeros((SIDE // 2, SIDE, 3), np.uint8))
    return made


def test_each_thing_is_found_once(predictor: SamPredictor) -> None:
    masks = segment_everything(predictor, EverythingSettings(points_per_side=8))

    assert sorted(mask.bbox for mask in masks) == [(4, 4, 16, 16), (30, 8, 30, 20)]
    assert all(mask.choice == 1 and mask.stability == 1.0 for mask in masks)
    assert all(mask.score == pytest.approx(0.95) for mask in masks)


def test_filters(predictor: SamPredictor) -> None:
    soft = segment_everything(predictor, EverythingSettings(points_per_side=8, min_stability=0.0, min_score=0.96))
    large = segment_everything(predictor, EverythingSettings(points_per_side=8, min_area_px=300))
    none = segment_everything(predictor, EverythingSettings(points_per_side=8, min_score=0.99))

    assert {mask.choice for mask in soft} == {3}
    assert [mask.bbox for mask in large] == [(30, 8, 30, 20)]
    assert none == []


def test_grid_points() -> None:
    np.testing.assert_allclose(grid_points(2), [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])


def test_suppression_keeps_the_best_of_overlapping_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 5], [20, 20, 30, 30]], np.float64)

    assert suppress_overlaps(boxes, [0.5, 0.9, 0.8, 0.4], 0.7) == [1, 2, 3]
    assert suppress_overlaps(boxes, [0.5, 0.9, 0.8, 0.4], 0.9) == [1, 2, 0, 3]


def test_stability_score() -> None:
    logits = np.array([[[2.0, 0.5], [-0.5, -2.0]], [[2.0, 2.0], [2.0, 2.0]], [[-2.0, -2.0], [-2.0, -2.0]]])

    np.testing.assert_allclose(stability_score(logits), [1 / 3, 1.0, 0.0])
