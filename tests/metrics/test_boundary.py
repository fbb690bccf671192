from __future__ import annotations

import cv2
import numpy as np
import pytest

from segcli.metrics.boundary import band, boundary_iou, count_boundary
from segcli.metrics.label_pair import LabelPair


def band_by_erosion(region: np.ndarray, width: int) -> np.ndarray:
    """The published way: erode the padded region step by step."""
    padded = np.pad(region.astype(np.uint8), 1)
    eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=width)[1:-1, 1:-1]
    return region & (eroded == 0)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_the_band_is_what_an_erosion_takes_away(width):
    rng = np.random.default_rng(width)
    region = cv2.resize(rng.random((8, 9)).astype(np.float32), (70, 60)) > 0.4
    assert (band(region, width) == band_by_erosion(region, width)).all()


def test_a_shifted_square_loses_more_at_its_boundary_than_inside():
    truth = np.zeros((100, 100), np.uint8)
    truth[20:80, 20:80] = 1
    prediction = np.roll(truth, 2, axis=1)
    whole = (prediction & truth).sum() / (prediction | truth).sum()
    assert 0 < boundary_iou(count_boundary(LabelPair(prediction, truth, 2)))[1] < whole - 0.3
    same = boundary_iou(count_boundary(LabelPair(truth, truth, 3)))
    assert same[:2].tolist() == [1, 1]
    assert np.isnan(same[2])


def test_ignored_pixels_count_nowhere():
    truth = np.zeros((50, 50), np.uint8)
    truth[10:40, 10:40] = 1
    wrong = truth.copy()
    wrong[10:20] = 0
    truth[:22] = 255
    _, either = count_boundary(LabelPair(np.where(truth == 255, wrong, truth), truth, 2)).reshape(2, 2)
    assert either[1] < 30 * 4
