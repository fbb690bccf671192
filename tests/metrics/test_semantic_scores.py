from __future__ import annotations

import numpy as np
import pytest

from segcli.metrics import semantic_scores as metrics
from segcli.metrics.class_totals import ClassTotals
from segcli.metrics.confusion import ConfusionMatrix
from segcli.metrics.table import SEMANTIC


def counted(prediction, truth, classes):
    matrix = ConfusionMatrix(classes)
    matrix.update(np.asarray(prediction, np.uint8), np.asarray(truth, np.uint8))
    return ClassTotals.of(matrix.compute())


@pytest.fixture(params=[0, 1])
def masks(request):
    rng = np.random.default_rng(request.param)
    truth = rng.integers(0, 6, 5000)
    prediction = np.where(rng.random(5000) < 0.6, truth, rng.integers(0, 6, 5000))
    return prediction, truth


def test_every_metric_equals_scikit_learn(masks):
    oracle = pytest.importorskip("sklearn.metrics")
    prediction, truth = masks
    matrix = counted(prediction, truth, 6)
    labels = {"labels": range(6), "average": None}
    assert metrics.iou(matrix) == pytest.approx(oracle.jaccard_score(truth, prediction, **labels))
    assert metrics.dice(matrix) == pytest.approx(oracle.f1_score(truth, prediction, **labels))
    assert metrics.precision(matrix) == pytest.approx(oracle.precision_score(truth, prediction, **labels))
    assert metrics.recall(matrix) == pytest.approx(oracle.recall_score(truth, prediction, **labels))
    assert metrics.accuracy(matrix) == pytest.approx(oracle.accuracy_score(truth, prediction))
    assert metrics.kappa(matrix) == pytest.approx(oracle.cohen_kappa_score(truth, prediction))
    weights = np.bincount(truth, minlength=6)
    weighted = np.average(oracle.jaccard_score(truth, prediction, **labels), weights=weights)
    assert metrics.frequency_weighted_iou(matrix) == pytest.approx(weighted)


def test_a_class_in_neither_is_left_out_or_counted_zero():
    matrix = counted([0, 0, 1, 1], [0, 0, 1, 0], 3)
    values = metrics.iou(matrix)
    assert np.isnan(values[2])
    assert metrics.mean(values) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert metrics.mean(values, "zero") == pytest.approx((2 / 3 + 1 / 2) / 3)


def test_a_class_that_is_only_predicted_counts_zero():
    matrix = counted([0, 2], [0, 0], 3)
    assert metrics.iou(matrix)[2] == 0
    assert np.isnan(metrics.recall(matrix)[2])
    assert np.isnan(metrics.precision(matrix)[1])


def test_totals_equal_those_of_paddleseg():
    from segcli.engines.paddleseg.patches import apply_patches

    apply_patches()
    import paddle
    from paddleseg.utils import metrics as theirs

    rng = np.random.default_rng(4)
    truth = rng.integers(0, 4, (1, 1, 30, 40))
    prediction = np.where(rng.random(truth.shape) < 0.5, truth, rng.integers(0, 4, truth.shape))
    truth[..., :5] = 255
    areas = theirs.calculate_area(
        paddle.to_tensor(prediction.astype("int32")), paddle.to_tensor(truth), num_classes=6, ignore_index=255
    )
    matrix = counted(prediction, truth, 6)
    assert metrics.mean(metrics.iou(matrix), "zero") == pytest.approx(theirs.mean_iou(*areas)[1])
    assert metrics.mean(metrics.dice(matrix), "zero") == pytest.approx(theirs.dice(*areas)[1])
    assert metrics.accuracy(matrix) == pytest.approx(theirs.accuracy(*areas[:2])[1])
    assert metrics.kappa(matrix) == pytest.approx(theirs.kappa(*areas))


def test_nothing_counted_is_not_defined():
    empty = ClassTotals.of(np.zeros((3, 3), np.int64))
    assert np.isnan([metrics.accuracy(empty), metrics.kappa(empty), metrics.mean(metrics.iou(empty))]).all()


def test_kappa_of_a_single_class_is_not_defined():
    assert np.isnan(metrics.kappa(counted([1, 1], [1, 1], 2)))


def test_many_measurements_at_once_are_the_single_ones():
    rng = np.random.default_rng(2)
    matrices = rng.integers(0, 4, (5, 4, 4)) * (rng.random((5, 4, 4)) < 0.5)
    matrices[0, 3], matrices[0, :, 3] = 0, 0
    together = ClassTotals.of(matrices)
    for metric in SEMANTIC:
        for absent in ("exclude", "zero"):
            alone = [metric.total(ClassTotals.of(matrix), absent) for matrix in matrices]
            np.testing.assert_array_equal(metric.total(together, absent), alone)


def test_frequency_weighted_iou_equals_mmsegmentations():
    hotcoco = pytest.importorskip("hotcoco.metrics")
    matrix = np.random.default_rng(3).integers(0, 50, (5, 5))
    expected = hotcoco.mean_iou(matrix.astype(np.uint64))["fwIoU"]
    assert metrics.frequency_weighted_iou(ClassTotals.of(matrix)) == pytest.approx(expected, abs=1e-12)
