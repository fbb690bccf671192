"""200 random sets each: ours equals MONAI, hotcoco, faster-coco-eval, scikit-learn and panopticapi's definition.

Their numbers lie in `tests/metrics/oracles`, made by its `make.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.inference.label_scores import label_scores
from segcli.metrics import instance_intervals
from segcli.metrics.calibration import count_reliability, ece, ece_of_all
from segcli.metrics.image_pairs import true_masks
from segcli.metrics.label_pair import LabelPair
from segcli.metrics.mask_ap import MaskAP
from segcli.metrics.object_errors import KINDS, errors_as_dict
from segcli.metrics.panoptic import count_segments, panoptic_quality
from segcli.metrics.surface import count_hd95, count_nsd, surface_distances
from tests.metrics.coco_oracle import twelve
from tests.metrics.oracles.sets import (
    FOLDER,
    NAMES,
    REPLICATES,
    SETS,
    TOLERANCE_PX,
    compared,
    compared_digest,
    label_digest,
    label_maps,
    object_digest,
    objects,
    probabilities,
)

LEAST_SCORE = 0.3
GAINS = (*KINDS, "false_positives", "false_negatives")


def computed(name: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{name}.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def measured():
    """Reports with boundaries, of all sets."""
    found = []
    for seed in range(SETS):
        accumulator = MaskAP(ClassMap(NAMES), boundary=True)
        for sample, detections in zip(*objects(seed), strict=True):
            accumulator.update(sample, detections)
        found.append(accumulator.compute())
    return found


def test_the_sets_are_those_that_the_others_saw():
    assert label_digest() == str(computed("surface")["digest"]) == str(computed("calibration")["digest"])
    assert {str(computed(name)["digest"]) for name in ("tide", "boundary")} == {object_digest()}


def test_surfaces_equal_monais():
    theirs = computed("surface")
    compared = 0
    for seed in range(SETS):
        pair = LabelPair(*label_maps(seed), 4)
        nsd = count_nsd(pair, tolerance_px=TOLERANCE_PX).reshape(2, 4)[0]
        hd95 = count_hd95(pair).reshape(2, 4)[0]
        both = ~np.isnan(theirs["nsd"][seed])
        np.testing.assert_allclose(nsd[both], theirs["nsd"][seed, both], atol=1e-6)
        np.testing.assert_allclose(hd95[both], theirs["hd95"][seed, both], atol=5e-5)
        compared += int(both.sum())
        assert pair.once(surface_distances) is pair.once(surface_distances), "computed once for both numbers"
    assert compared > 3 * SETS


def by_panopticapi(true: list[tuple[np.ndarray, int]], found: list[tuple[np.ndarray, int]], sums: np.ndarray) -> None:
    """Adds IoU, hits, false and missed segments of an image to [4, classes], as `pq_compute_single_core` does.

    Segments are painted in order; what a later one covers is not the earlier one's.
    """
    maps = []
    for segments in (true, found):
        ids = np.zeros((240, 320), np.int64)
        for number, (mask, _) in enumerate(segments, start=1):
            ids[mask > 0] = number
        maps.append(ids)
    classes = [[class_id for _, class_id in segments] for segments in (true, found)]
    areas = [np.bincount(ids.ravel(), minlength=len(c) + 1) for ids, c in zip(maps, classes, strict=True)]
    joint = np.bincount((maps[0] * (len(found) + 1) + maps[1]).ravel(), minlength=(len(true) + 1) * (len(found) + 1))
    joint = joint.reshape(len(true) + 1, len(found) + 1)
    matched = [set(), set()]
    for t, f in zip(*np.nonzero(joint[1:, 1:]), strict=True):
        iou = joint[t + 1, f + 1] / (areas[0][t + 1] + areas[1][f + 1] - joint[t + 1, f + 1])
        if classes[0][t] == classes[1][f] and iou > 0.5:
            sums[:2, classes[0][t]] += iou, 1
            matched[0].add(t)
            matched[1].add(f)
    for row, (side, own) in enumerate(zip(classes[::-1], matched[::-1], strict=True), start=2):
        area = areas[1 - (row - 2)]
        for number, class_id in enumerate(side):
            sums[row, class_id] += number not in own and area[number + 1] > 0


def test_panoptic_quality_equals_panopticapis_definition():
    for seed in range(SETS):
        sums, rows = np.zeros((4, len(NAMES))), []
        for sample, detections in zip(*objects(seed), strict=True):
            rows.append(count_segments(sample, true_masks(sample), detections, len(NAMES), LEAST_SCORE))
            ordered = sorted(sample.objects, key=lambda value: -value.area_px)
            true = [(rle.decode(value.to_rle(240, 320)), value.class_id) for value in ordered]
            kept = [i for i in np.argsort(detections.scores, kind="stable") if detections.scores[i] >= LEAST_SCORE]
            found = [(rle.decode(detections.masks[i]), int(detections.classes[i])) for i in kept]
            by_panopticapi(true, found, sums)
        quality = panoptic_quality(np.sum(rows, axis=0))
        iou, hits, false, missed = sums
        expected = np.divide(iou, hits + 0.5 * false + 0.5 * missed, out=np.zeros(3), where=hits + false + missed > 0)
        np.testing.assert_allclose(np.nan_to_num(quality["PQ"]), expected, atol=1e-12)


def test_kinds_of_error_equal_hotcocos(measured):
    theirs = computed("tide")
    compared = 0
    for seed, report in enumerate(measured):
        found, pairs = errors_as_dict(report.masks), report.masks.pairs
        assert [found["counts"][name] for name in KINDS] == theirs["counts"][seed].tolist()
        # a class without detections whose objects are taken away: left out by TIDE's own program, 0 in hotcoco
        kept = GAINS if set(pairs.truth_class) <= set(pairs.found_class) else GAINS[:-1]
        gains = [found["AP50_gain"][name] or 0.0 for name in kept]
        np.testing.assert_allclose(gains, theirs["gains"][seed, : len(kept)], atol=1e-9)
        compared += len(kept)
    assert compared > 0.95 * SETS * len(GAINS)


def test_boundary_ap_equals_faster_coco_evals(measured):
    theirs = computed("boundary")["values"]
    for seed, report in enumerate(measured):
        np.testing.assert_allclose(twelve(report.boundaries.summary()), theirs[seed], atol=1e-9)


def test_calibration_equals_scikit_learns_and_torchmetrics():
    theirs = computed("calibration")["values"]
    for seed in range(SETS):
        logits, truth = probabilities(seed)
        scores = label_scores(logits, *truth.shape)
        sums = count_reliability(LabelPair(scores.labels, truth, 4, scores=scores))
        found = [float(ece_of_all(sums)), *ece(sums), float(ece_of_all(sums))]
        np.testing.assert_allclose(found, theirs[seed], atol=2e-6)


@pytest.mark.slow
def test_differences_scatter_as_hotcocos(monkeypatch):
    """hotcoco counts an image that is drawn several times once, which makes its intervals a tenth narrower.

    Ours count it as often as it is drawn (`test_mask_ap` compares with the repeated images); counted once, both agree.
    """
    theirs = computed("bootstrap")
    assert str(theirs["digest"]) == compared_digest()
    draws, most = instance_intervals.draws, [1.0]
    monkeypatch.setattr(instance_intervals, "draws", lambda *how: (np.minimum(part, most[0]) for part in draws(*how)))
    found = {1.0: np.zeros((SETS, 2)), np.inf: np.zeros((SETS, 2))}
    for seed in range(SETS):
        samples, *models = compared(seed)
        reports = []
        for detected in models:
            accumulator = MaskAP(ClassMap(NAMES))
            for sample, detections in zip(samples, detected, strict=True):
                accumulator.update(sample, detections)
            reports.append(accumulator.compute())
        for most[0], numbers in found.items():
            drawn = [
                instance_intervals.headline(
                    instance_intervals.replicates_of(one.masks, 0, REPLICATES, np.arange(len(samples)))
                )["AP"]
                for one in reports
            ]
            numbers[seed] = reports[1].mask.AP - reports[0].mask.AP, np.nanstd(drawn[1] - drawn[0], ddof=1)
    difference, *_, scatter = theirs["values"].T
    np.testing.assert_allclose(found[1.0][:, 0], difference, atol=1e-9)
    ratio = found[1.0][:, 1] / scatter
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert ratio.std() < 0.1, "of two random samples of 250"
    assert 1.05 < (found[np.inf][:, 1] / scatter).mean() < 1.3
