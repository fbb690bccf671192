"""Surface distances equal a brute force over all pairs of surface pixels, with scipy's erosion and distances."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest

from segcli.data.classes import ClassMap
from segcli.metrics.label_pair import LabelPair
from segcli.metrics.semantic_counts import SemanticCounts
from segcli.metrics.semantic_report import SemanticReport, semantic_intervals
from segcli.metrics.surface import _to, count_hd95, count_nsd
from segcli.metrics.table import surface_metrics


def pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Blobs of up to four classes, and the same moved and disturbed."""
    rng = np.random.default_rng(seed)
    truth = cv2.resize(rng.integers(0, 4, (5, 6)).astype(np.uint8), (40, 32), interpolation=cv2.INTER_NEAREST)
    prediction = np.roll(truth, rng.integers(-3, 4, 2), axis=(0, 1))
    x, y = rng.integers(0, 28, 2)
    prediction[y : y + 4, x : x + 4] = rng.integers(0, 4)
    return prediction, truth


def brute_force(prediction, truth, class_id: int):
    from scipy.ndimage import binary_erosion
    from scipy.spatial.distance import cdist

    points = []
    for ids in (prediction, truth):
        region = ids == class_id
        points.append(np.argwhere(region & ~binary_erosion(region)))
    if not len(points[0]) or not len(points[1]):
        return None
    pairs = cdist(*points)
    return pairs.min(axis=1), pairs.min(axis=0)


@pytest.mark.parametrize("seed", range(60))
def test_equal_brute_force(seed):
    prediction, truth = pair(seed)
    nsd = count_nsd(LabelPair(prediction, truth, 5), tolerance_px=1.5).reshape(2, 5)
    hd95 = count_hd95(LabelPair(prediction, truth, 5)).reshape(2, 5)
    for class_id in range(4):
        found = brute_force(prediction, truth, class_id)
        if found is None:
            there = bool((prediction == class_id).any() or (truth == class_id).any())
            assert nsd[:, class_id].tolist() == [0, there]
            assert hd95[0, class_id] == (pytest.approx(np.hypot(32, 40)) if there else 0)
            continue
        right = sum(int((distances <= 1.5).sum()) for distances in found)
        assert nsd[0, class_id] == pytest.approx(right / sum(map(len, found)), abs=1e-12)
        assert hd95[0, class_id] == pytest.approx(max(np.percentile(one, 95) for one in found), abs=1e-5)
    assert nsd[1, 4] == hd95[1, 4] == 0


def test_a_tolerance_forgives_a_shift():
    truth = np.zeros((60, 60), np.uint8)
    truth[20:40, 20:40] = 1
    moved = np.roll(truth, 2, axis=1)
    assert count_nsd(LabelPair(moved, truth, 2), tolerance_px=2).reshape(2, 2)[0, 1] == 1
    assert count_nsd(LabelPair(moved, truth, 2), tolerance_px=1).reshape(2, 2)[0, 1] < 0.8
    assert count_hd95(LabelPair(moved, truth, 2)).reshape(2, 2)[0, 1] == 2


def test_ignored_pixels_count_nowhere():
    truth = np.zeros((30, 30), np.uint8)
    truth[5:15, 5:15] = 1
    truth[20:] = 255
    wrong = np.where(truth == 255, 1, truth).astype(np.uint8)
    assert count_nsd(LabelPair(wrong, truth, 2), tolerance_px=0).reshape(2, 2)[0].tolist() == [1, 1]


def test_they_are_numbers_of_the_report_with_intervals():
    counts = SemanticCounts(ClassMap.numbered(5), surface_metrics(1.5))
    for place in range(8):
        counts.update(place, *pair(place))
    again = pickle.loads(pickle.dumps(counts))
    report = SemanticReport(again, 8)
    assert report.per_class()["class_4"]["NSD"] is None
    assert 0 < report.totals()["NSD"] < 1 < report.totals()["HD95"]
    found = semantic_intervals(counts, "exclude", 200).all
    assert found["HD95"].low < report.totals()["HD95"] < found["HD95"].high


@pytest.mark.parametrize("seed", range(4))
def test_distances_have_all_their_digits(seed: int) -> None:
    from scipy.ndimage import distance_transform_edt

    surface = np.random.default_rng(seed).random((300, 400)) < 0.0005
    assert (_to(surface) == distance_transform_edt(~surface)).all()
