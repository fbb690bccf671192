from __future__ import annotations

import numpy as np
import pytest

from segcli.data.borders import NEAR, near_borders
from segcli.metrics.confusion import ConfusionMatrix, UnknownIdError, near_border_confusions


def random_ids(seed: int, classes: int, shape=(40, 50)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, classes, shape).astype(np.uint8)


def test_counts_equal_scikit_learn_without_ignored_pixels():
    sklearn = pytest.importorskip("sklearn.metrics")
    prediction, truth = random_ids(0, 5), random_ids(1, 5)
    truth[:7] = 255
    matrix = ConfusionMatrix(5)
    matrix.update(prediction, truth)
    counted = truth != 255
    expected = sklearn.confusion_matrix(truth[counted], prediction[counted], labels=range(5))
    assert (matrix.compute() == expected).all()


def test_merging_equals_one_pass():
    whole, left, right = (ConfusionMatrix(4) for _ in range(3))
    for seed, part in ((0, left), (1, left), (2, right)):
        for matrix in (whole, part):
            matrix.update(random_ids(seed, 4), random_ids(seed + 10, 4))
    left.merge(right)
    assert (left.compute() == whole.compute()).all()


def test_an_ignored_class_inside_the_range_counts_nowhere():
    matrix = ConfusionMatrix(3, ignore_index=0)
    matrix.update(np.array([0, 1, 2], np.uint8), np.array([0, 0, 2], np.uint8))
    assert matrix.compute().tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_an_unknown_id_is_named():
    with pytest.raises(UnknownIdError, match="holds id 7, 9, but there are 3 classes") as caught:
        ConfusionMatrix(3).update(np.zeros(4, np.uint8), np.array([0, 9, 7, 255], np.uint8))
    assert caught.value.ids == (7, 9)


def test_256_classes_fit():
    ids = np.arange(256, dtype=np.uint8)
    matrix = ConfusionMatrix(256, ignore_index=255)
    matrix.update(ids, ids)
    assert matrix.compute().trace() == 255


def test_other_shapes_and_types_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        ConfusionMatrix(2).update(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8))
    with pytest.raises(ValueError, match="must be uint8"):
        ConfusionMatrix(2).update(np.zeros(3, np.int64), np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="same classes"):
        ConfusionMatrix(2).merge(ConfusionMatrix(3))


def test_wrong_pixels_are_counted_by_where_they_lie():
    truth = random_ids(3, 4).repeat(20, axis=0).repeat(20, axis=1)
    truth[:100, :100] = 255
    prediction = random_ids(4, 4).repeat(20, axis=0).repeat(20, axis=1)
    width = round(NEAR * float(np.hypot(*truth.shape)))
    padded = np.pad(truth, width, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * width + 1, 2 * width + 1))
    rows = np.random.default_rng(0).integers(0, truth.shape[0], 40)
    near = near_borders(truth)
    for row in rows:
        expected = windows[row].max(axis=(1, 2)) != windows[row].min(axis=(1, 2))
        assert (near[row] == expected).all()
    found = near_border_confusions(prediction, truth, 4, 255)
    for true in range(4):
        for predicted in range(4):
            where = (truth == true) & (prediction == predicted) & near
            assert found[true, predicted] == (0 if true == predicted else where.sum())
    assert not near_border_confusions(truth, truth, 4, 255).any()
