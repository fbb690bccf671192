"""Groups of classes by their training images, as in LVIS."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from segcli.data.classes import ClassMap
from segcli.metrics.frequency import Frequencies
from segcli.metrics.instance_intervals import instance_intervals
from segcli.metrics.mask_ap import MaskAP
from tests.metrics.instances import make_images

NAMES = tuple("abcdef")


def measured(seed: int = 0):
    samples, found = make_images(30, classes=6, objects=5, found=8, seed=seed)
    accumulator = MaskAP(ClassMap(NAMES))
    for sample, detections in zip(samples, found, strict=True):
        accumulator.update(sample, detections)
    return accumulator.compute(), samples


def test_a_class_belongs_to_a_group_by_its_images():
    counts = dict(zip(NAMES, (0, 10, 11, 100, 101, 5000), strict=True))
    found = Frequencies(counts, (10, 100))
    assert found.groups == {"rare": ["a", "b"], "common": ["c", "d"], "frequent": ["e", "f"]}
    assert Frequencies(dict.fromkeys(NAMES, 7), (10, 100)).groups == {}, "one group says nothing new"


def test_images_are_counted_once_and_ap_is_the_mean_of_the_classes():
    report, samples = measured()
    seen = Frequencies.of(samples, ClassMap(NAMES), (15, 18))
    for index, name in enumerate(NAMES):
        assert seen.images[name] == sum(any(o.class_id == index for o in sample.objects) for sample in samples)
    assert len(seen.groups) > 1
    report = replace(report, frequencies=seen)
    values = report.as_dict()["frequency"]
    intervals = instance_intervals(report, 200).all
    for group, names in seen.groups.items():
        own = [report.mask_by_class[name].AP for name in names]
        assert values[group] == {"AP": pytest.approx(np.mean(own)), "classes": names}
        assert intervals[f"AP_{group}"].low <= values[group]["AP"] <= intervals[f"AP_{group}"].high
