"""Recall of regions equals scipy's labelling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from segcli.data.classes import ClassMap
from segcli.metrics.label_pair import LabelPair
from segcli.metrics.semantic_counts import SemanticCounts
from segcli.metrics.semantic_report import SemanticReport
from segcli.metrics.table import region_metrics
from tests.metrics.test_surface import pair


def by_scipy(prediction, truth, classes: int, least: float, most: float) -> np.ndarray:
    found = np.zeros((2, classes))
    for class_id in range(classes):
        parts, count = ndimage.label(truth == class_id, np.ones((3, 3)))
        for number in range(1, count + 1):
            region = parts == number
            if least <= region.sum() < most:
                found[:, class_id] += (2 * (prediction[region] == class_id).sum() >= region.sum()), 1
    return found


@pytest.mark.parametrize("seed", range(30))
def test_equal_scipys_labelling(seed):
    prediction, truth = pair(seed)
    truth[:, -3:] = 255
    for metric, (least, most) in zip(region_metrics((6, 12)), [(0, 36), (36, 144), (144, np.inf)], strict=True):
        counts = metric.count(LabelPair(prediction, truth, 5)).reshape(2, 5)
        assert (counts == by_scipy(prediction, truth, 5, least, most)).all()


def test_a_lost_small_thing_shows_where_miou_hardly_moves():
    truth = np.zeros((100, 100), np.uint8)
    truth[40:90, 40:90], truth[5:9, 5:9] = 1, 1
    prediction = np.where(truth == 1, 1, 0).astype(np.uint8)
    prediction[5:9, 5:9] = 0
    counts = SemanticCounts(ClassMap.numbered(2), region_metrics((32, 96)))
    counts.update(0, prediction, truth)
    values = SemanticReport(counts, 1).per_class()["class_1"]
    assert values["IoU"] > 0.99
    assert (values["recall_small"], values["recall_medium"], values["recall_large"]) == (0, 1, None)
