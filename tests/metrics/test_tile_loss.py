"""What tiles cost is the difference of two of scikit-learn's Jaccard scores."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from segcli.data.classes import ClassMap
from segcli.metrics.semantic_counts import SemanticCounts
from segcli.metrics.semantic_report import SemanticReport, semantic_intervals
from segcli.metrics.table import TILES

CLASSES = 4


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels from tiles, labels of the whole image, and the truth, which ignores two rows."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, CLASSES, (30, 40)).astype(np.uint8)
    tiled, whole = truth.copy(), truth.copy()
    for labels, share in ((tiled, 0.4), (whole, 0.2)):
        wrong = rng.random(truth.shape) < share
        labels[wrong] = rng.integers(0, CLASSES, int(wrong.sum()))
    truth[:2] = 255
    return tiled, whole, truth


def counted(*images: tuple[np.ndarray, np.ndarray | None, np.ndarray]) -> SemanticReport:
    counts = SemanticCounts(ClassMap(("a", "b", "c", "d")), TILES)
    for place, (tiled, whole, truth) in enumerate(images):
        counts.update(place, tiled, truth, whole=whole)
    return SemanticReport(counts, len(images))


def test_loss_is_the_difference_of_two_scores():
    tiled, whole, truth = (np.concatenate(arrays) for arrays in zip(drawn(0), drawn(1), strict=True))
    report = counted(drawn(0), drawn(1))
    kept = truth != 255
    scores = {
        name: jaccard_score(truth[kept], labels[kept], average=None) for name, labels in (("t", tiled), ("w", whole))
    }
    totals = report.totals()
    assert totals["whole_IoU"] == pytest.approx(scores["w"].mean(), abs=1e-12)
    assert totals["tile_loss"] == pytest.approx(scores["w"].mean() - scores["t"].mean(), abs=1e-12)
    assert totals["tile_loss"] == pytest.approx(totals["whole_IoU"] - totals["mIoU"], abs=1e-12)
    assert totals["tile_disagreement"] == pytest.approx((tiled != whole).mean(), abs=1e-12)
    assert report.per_class()["b"]["tile_loss"] == pytest.approx(scores["w"][1] - scores["t"][1], abs=1e-12)
    assert report.per_class()["b"]["tile_disagreement"] == pytest.approx((tiled != whole)[whole == 1].mean(), abs=1e-12)
    interval = semantic_intervals(report.counts, "exclude", 200).all["tile_loss"]
    assert interval is not None and interval.low <= totals["tile_loss"] <= interval.high


def test_an_image_that_is_not_cut_loses_nothing():
    tiled, _, truth = drawn(2)
    totals = counted((tiled, None, truth)).totals()
    assert totals["tile_loss"] == totals["tile_disagreement"] == 0
    assert totals["whole_IoU"] == totals["mIoU"] > 0


def test_classes_that_are_nowhere_are_left_out():
    truth = np.zeros((8, 8), np.uint8)
    tiled = truth.copy()
    tiled[0] = 1
    totals = counted((tiled, truth, truth)).totals()
    assert totals["whole_IoU"] == 1
    assert totals["tile_loss"] == pytest.approx(1 - (7 / 8 + 0) / 2)
