from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segcli.metrics.promptable_scores import BOX, CLICKS, POINT, PromptCounts, evaluate_image, mask_iou
from segcli.models.promptable.geometry import Preparation
from segcli.promptable.predictor import SamPredictor

SIDE = 64


class Halving:
    """Knows one disc: answers a box with it, one click with its left half (scored best), whole disc and nothing.

    A click more than one gives the whole disc.
    """

    fingerprint = "halving"
    mask_side = SIDE

    def __init__(self, disc: Any) -> None:
        self.disc = disc

    def encode(self, image: Any) -> Any:
        return image

    def decode(self, embedding: Any, coords: Any, labels: Any, mask: Any, has_mask: Any) -> Any:
        logits = np.full((len(coords), 4, SIDE, SIDE), -9.0, np.float32)
        logits[:, 0, self.disc] = logits[:, 2, self.disc] = 9.0
        left = self.disc.copy()
        left[:, 32:] = False
        logits[:, 1, left] = 9.0
        return logits, np.tile(np.array([[0.9, 0.8, 0.7, 0.6]], np.float32), (len(coords), 1))


def test_known_answers_give_known_counts() -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    disc = (x - 31.5) ** 2 + (y - 31.5) ** 2 < 20**2
    predictor = SamPredictor(Halving(disc), Preparation(SIDE, (0, 0, 0), (1, 1, 1)))
    predictor.set_image(np.zeros((SIDE, SIDE, 3), np.uint8))

    metrics = evaluate_image(predictor, [disc, disc]).compute()

    assert metrics["miou_box"] == 1.0
    assert metrics["miou_box_filled"] == pytest.approx(np.pi / 4, abs=0.02)
    assert metrics["miou_point"] == 0.5
    assert metrics["miou_point_oracle"] == 1.0
    assert metrics["miou_3_clicks"] == 1.0


def test_counts_merge_and_leave_out_what_was_not_asked() -> None:
    first, second = PromptCounts(), PromptCounts()
    first.update(BOX, [1.0, 0.5])
    second.update(BOX, [0.0])
    second.update(CLICKS, [0.25])
    first.merge(second)

    assert first.compute() == {"miou_box": 0.5, "miou_3_clicks": 0.25}
    assert first.objects[POINT] == 0


def test_mask_iou() -> None:
    left, all_ = np.array([[True, False]]), np.array([[True, True]])

    assert mask_iou(left, all_) == 0.5
    assert mask_iou(~all_, ~all_) == 1.0
