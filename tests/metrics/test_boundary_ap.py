"""Boundary AP equals pycocotools' matching of brute-force boundaries."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.metrics.mask_ap import MaskAP
from tests.metrics.coco_oracle import coco_results, coco_truth, oracle, summed_up, twelve
from tests.metrics.instances import make_images

NAMES = ("a", "b")


def boundary(mask: np.ndarray) -> np.ndarray:
    """As published: the mask without its erosion by 2 % of the diagonal, step by step."""
    width = max(1, round(0.02 * np.hypot(*mask.shape)))
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return mask - cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=width)[1:-1, 1:-1]


def of_boundaries(masks) -> list[dict]:
    return [coco_mask.encode(np.asfortranarray(boundary(rle.decode(mask)))) for mask in masks]


@pytest.mark.parametrize("seed", range(6))
def test_equals_brute_force(seed, monkeypatch):
    samples, found = make_images(4, classes=2, objects=6, found=15, seed=seed)
    accumulator = MaskAP(ClassMap(NAMES), boundary=True)
    for sample, detections in zip(samples, found, strict=True):
        accumulator.update(sample, detections)
    report = accumulator.compute()
    plain = coco_mask.iou

    def smaller(first, second, crowds):
        ious = plain(first, second, crowds)
        if not len(first) or not len(second):
            return ious
        return np.minimum(ious, plain(of_boundaries(first), of_boundaries(second), crowds))

    monkeypatch.setattr(coco_mask, "iou", smaller)
    theirs = oracle(coco_truth(samples, NAMES), coco_results(samples, found, "segm"), "segm")
    expected = summed_up(theirs.eval["precision"], theirs.eval["recall"])
    np.testing.assert_allclose(twelve(report.boundaries.summary()), twelve(expected), atol=1e-9)
    assert report.boundaries.summary().AP < report.mask.AP
    assert report.as_dict()["boundary"]["AP"] == report.boundaries.summary().AP
