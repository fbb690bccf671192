"""Intervals from counts equal what brute force makes of the repeated images."""

from __future__ import annotations

import time

import numpy as np
import pytest

from segcli.data.classes import ClassMap
from segcli.metrics.bootstrap import Interval, draws, interval_of, resampled_sums, sums_of_units, unit_of_images
from segcli.metrics.class_totals import ClassTotals
from segcli.metrics.intervals import shown
from segcli.metrics.semantic_counts import SemanticCounts
from segcli.metrics.semantic_report import semantic_intervals
from segcli.metrics.table import BOUNDARY_IOU


def counted(images: int, classes: int = 4, seed: int = 0, metrics=()):
    rng = np.random.default_rng(seed)
    counts = SemanticCounts(ClassMap.numbered(classes), metrics)
    pairs = []
    for place in range(images):
        truth = rng.integers(0, classes, (12, 15)).astype(np.uint8)
        labels = np.where(rng.random(truth.shape) < rng.random(), truth, rng.integers(0, classes, truth.shape))
        counts.update(place, labels.astype(np.uint8), truth)
        pairs.append((labels, truth))
    return counts, pairs


def test_a_replicate_is_the_measurement_of_the_repeated_images():
    oracle = pytest.importorskip("sklearn.metrics")
    counts, pairs = counted(9)
    rows = ClassTotals.of_images(counts.confusions, 4).as_rows()
    (weights,) = draws(9, 5)
    assert (weights.sum(axis=1) == 9).all()
    from segcli.metrics import semantic_scores as scores

    replicates = resampled_sums(rows, lambda sums: scores.iou(ClassTotals.from_rows(sums)), 5)
    for weight, found in zip(weights.astype(int), replicates, strict=True):
        drawn = [place for place, times in enumerate(weight) for _ in range(times)]
        labels = np.concatenate([pairs[place][0].ravel() for place in drawn])
        truth = np.concatenate([pairs[place][1].ravel() for place in drawn])
        np.testing.assert_allclose(found, oracle.jaccard_score(truth, labels, average=None), atol=1e-12)


def test_the_interval_of_a_mean_equals_scipys():
    from scipy import stats

    values = np.random.default_rng(0).normal(5, 2, 60)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    ours = interval_of(resampled_sums(values[:, None], lambda sums: sums[:, 0] / 60, 20_000))
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.03)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        found = interval_of(resampled_sums(rng.normal(size=(80, 1)), lambda sums: sums[:, 0] / 80, 400))
        hits += found.low <= 0 <= found.high
    assert 0.89 <= hits / 200 <= 0.985


def test_parts_of_the_draws_do_not_change_them(monkeypatch):
    whole = np.concatenate(list(draws(7, 50)))
    from segcli.metrics import bootstrap

    monkeypatch.setattr(bootstrap, "_DRAWS_AT_ONCE", 21)
    assert (np.concatenate(list(draws(7, 50))) == whole).all()


def test_groups_are_drawn_as_a_whole():
    units = unit_of_images(["a", None, "a", "b", None], 5)
    assert units.tolist() == [0, 1, 0, 2, 3]
    rows = np.arange(10).reshape(5, 2)
    assert sums_of_units(rows, units).tolist() == [[4, 6], [2, 3], [6, 7], [8, 9]]
    counts, _ = counted(40)
    twins = SemanticCounts(counts.classes)
    _, pairs = counted(20)
    for place in range(40):
        labels, truth = pairs[place // 2]
        twins.update(place, labels.astype(np.uint8), truth)
    single = semantic_intervals(twins, "exclude", 800).all["mIoU"]
    grouped = semantic_intervals(twins, "exclude", 800, [str(place // 2) for place in range(40)]).all["mIoU"]
    assert grouped.high - grouped.low > 1.2 * (single.high - single.low)


def test_every_number_has_its_interval():
    counts, _ = counted(12, metrics=(BOUNDARY_IOU,))
    found = semantic_intervals(counts, "exclude", 200)
    assert set(found.all) == {"mIoU", "Acc", "Kappa", "Dice", "fwIoU", "BoundaryIoU"}
    assert set(found.by_class["class_2"]) == {"IoU", "Dice", "precision", "recall", "BoundaryIoU"}
    assert not semantic_intervals(counts, "exclude", 0).all


def test_a_number_that_hangs_on_few_images_has_none():
    assert interval_of(np.array([0.5, np.nan, np.nan])) is None
    assert interval_of(np.array([0.5, 0.5, np.nan])) == Interval(0.5, 0.5)


def test_parts_merge_to_the_whole():
    _, pairs = counted(6)
    parts = [SemanticCounts(ClassMap.numbered(4)) for _ in range(2)]
    for place, (labels, truth) in enumerate(pairs):
        parts[place % 2].update(place, labels.astype(np.uint8), truth)
    parts[0].merge(parts[1])
    whole, _ = counted(6)
    assert (parts[0].confusions.dense() == whole.confusions.dense()).all()
    with pytest.raises(ValueError, match="already added"):
        parts[0].merge(parts[1])


def test_a_thousand_replicates_take_less_than_a_second():
    counts = SemanticCounts(ClassMap.numbered(19))
    rng = np.random.default_rng(0)
    for place in range(500):
        counts.confusions.update(place, rng.integers(0, 999, 361))
    begin = time.process_time()
    semantic_intervals(counts, "exclude", 1000)
    assert time.process_time() - begin < 1


def test_numbers_are_written_as_narrow_as_they_are_known():
    assert shown(0.8123, Interval(0.7911, 0.8349)) == "0.812 [0.79, 0.83]"
    assert shown(0.8123, Interval(0.8101, 0.8149)) == "0.8123 [0.810, 0.815]"
    assert shown(0.8123) == "0.8123"
    assert shown(None) == "not defined"
