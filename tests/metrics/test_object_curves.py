from __future__ import annotations

import numpy as np
import pytest

from segcli.data.classes import ClassMap
from segcli.metrics.average_precision import ClassRanking
from segcli.metrics.image_facts import UNKNOWN
from segcli.metrics.instance_images import image_table
from segcli.metrics.mask_ap import MaskAP
from segcli.metrics.object_curves import best_thresholds, curve_of, curves
from tests.metrics.instances import make_images

NAMES = ("a", "b", "never seen")


def test_the_curve_equals_scikit_learns():
    oracle = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    score = np.sort(rng.random(80).round(2))[::-1]
    hits = rng.random(80) < score
    ranking = ClassRanking(np.zeros(80, int), hits[:, None], np.ones((80, 1), bool), np.zeros(hits.sum(), int), score)
    precision, recall, thresholds = oracle.precision_recall_curve(hits, score)
    curve = curve_of(ranking)
    np.testing.assert_allclose(curve.score[::-1], thresholds)
    np.testing.assert_allclose(curve.precision[::-1], precision[:-1], atol=1e-12)
    np.testing.assert_allclose(curve.recall[::-1], recall[:-1], atol=1e-12)
    best = max(oracle.f1_score(hits, score >= threshold) for threshold in thresholds)
    assert curve.summary()["F1"] == pytest.approx(best, abs=1e-12)
    assert oracle.f1_score(hits, score >= curve.summary()["threshold"]) == pytest.approx(best, abs=1e-12)


@pytest.fixture(scope="module")
def report():
    samples, found = make_images(12, classes=2, objects=6, found=20)
    accumulator = MaskAP(ClassMap(NAMES))
    for sample, detections in zip(samples, found, strict=True):
        accumulator.update(sample, detections, UNKNOWN._replace(brightness=float(sample.image_id)))
    return accumulator.compute()


def test_a_class_without_objects_has_no_best_threshold(report):
    assert curves(report.masks)["never seen"].summary() == dict.fromkeys(("threshold", "F1", "precision", "recall"))
    assert best_thresholds(report.masks)[2] == 0.5
    assert len(curves(report.masks)["a"].points()["score"]) <= 101


def test_every_image_has_a_row_whose_counts_add_up_to_the_curve(report):
    rows = image_table(report, {number: f"part/{number}.png" for number in report.image_ids})
    assert [row["image"] for row in rows[:2]] == ["part/0.png", "part/1.png"]
    assert (rows[3]["brightness"], rows[3]["folder"], rows[3]["width"]) == (3, "part", 320)
    found, objects, false = (sum(row[name] for row in rows) for name in ("found", "objects", "false"))
    found_by_class = [curves(report.masks)[name].summary() for name in NAMES[:2]]
    expected = [one["recall"] * report.objects_by_class[name] for one, name in zip(found_by_class, NAMES, strict=False)]
    assert found == pytest.approx(sum(expected))
    assert sum(row["missed"] for row in rows) == objects - found
    kept = sum(hit / one["precision"] for hit, one in zip(expected, found_by_class, strict=True))
    assert found + false == pytest.approx(kept)
    assert all(len(row["matches"].split()) == row["found"] for row in rows)
    ious = [float(text.split(":")[2]) for row in rows for text in row["matches"].split()]
    assert 0.5 <= min(ious) <= max(ious) <= 1
