"""Kinds of error and confusion equal hotcoco's, which reads masks itself and matches on its own."""

from __future__ import annotations

import contextlib
import io

import hotcoco
import numpy as np
import pytest

from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.metrics.mask_ap import MaskAP
from segcli.metrics.object_confusion import object_confusion
from segcli.metrics.object_errors import KINDS, errors_as_dict, find_errors
from tests.metrics.coco_oracle import coco_results, coco_truth
from tests.metrics.instances import make_images, without_crowds

NAMES = ("a", "b", "c")
THEIRS = {
    "classification": "Cls",
    "location": "Loc",
    "both": "Both",
    "duplicate": "Dupe",
    "background": "Bkg",
    "missed": "Miss",
    "false_positives": "FP",
    "false_negatives": "FN",
}


def both(seed: int, **options):
    samples, found = make_images(6, classes=3, objects=5, found=options.pop("found", 9), seed=seed)
    if not options.get("crowds"):
        samples = [without_crowds(sample) for sample in samples]
    accumulator = MaskAP(ClassMap(NAMES))
    for sample, detections in zip(samples, found, strict=True):
        accumulator.update(sample, detections)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = hotcoco.COCO(coco_truth(samples, NAMES))
        oracle = hotcoco.COCOeval(truth, truth.load_res(coco_results(samples, found, "segm")), "segm")
        oracle.evaluate()
        oracle.accumulate()
    return accumulator.compute().masks, oracle


@pytest.mark.parametrize("seed", range(40))
def test_kinds_of_error_equal_hotcocos(seed):
    ours, oracle = both(seed, found=4 + seed % 9)
    theirs, found = oracle.tide_errors(), errors_as_dict(ours)
    assert found["counts"] == {name: theirs["counts"][THEIRS[name]] for name in KINDS}
    for name, gain in found["AP50_gain"].items():
        assert gain == pytest.approx(theirs["delta_ap"][THEIRS[name]], abs=1e-9), name


@pytest.mark.parametrize("seed", range(20))
def test_confusion_equals_hotcocos(seed):
    ours, oracle = both(seed)
    assert (object_confusion(ours) == oracle.confusion_matrix()["matrix"]).all()
    least = oracle.confusion_matrix(min_score=0.4)["matrix"]
    assert (object_confusion(ours, np.full(3, 0.4)) == least).all()


def test_nothing_found_is_all_missed():
    samples, _ = make_images(2, classes=3, objects=5, found=1)
    accumulator = MaskAP(ClassMap(NAMES))
    for sample in samples:
        accumulator.update(sample, Detections(np.zeros(0), np.zeros(0, int), [], np.zeros((0, 4))))
    measured = accumulator.compute().masks
    assert find_errors(measured).counts() == {**dict.fromkeys(KINDS, 0), "missed": 8}
    assert errors_as_dict(measured)["AP50_gain"]["missed"] == 0, "without a detection no class has a precision"
    assert object_confusion(measured)[:3, 3].sum() == 8
