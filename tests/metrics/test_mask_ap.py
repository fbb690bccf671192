"""Mask and box AP equal pycocotools', whose published numbers are reproduced."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.formats.coco_objects import parse_object
from segcli.data.instances import InstanceObject, InstanceSample
from segcli.metrics.bootstrap import draws
from segcli.metrics.instance_intervals import instance_intervals, instance_replicates, replicates_of
from segcli.metrics.mask_ap import MaskAP
from segcli.metrics.matching import Limits
from segcli.metrics.table import instance_headline
from tests.metrics.coco_oracle import coco_results, coco_truth, oracle, summed_up, twelve
from tests.metrics.instances import make_images

NAMES = ("猫", "dog", "never seen")
NONE = Detections(np.zeros(0), np.zeros(0, int), [], np.zeros((0, 4)))


def measured(samples, found, names=NAMES):
    accumulator = MaskAP(ClassMap(names))
    for sample, detections in zip(samples, found, strict=True):
        accumulator.update(sample, detections)
    return accumulator


@pytest.mark.parametrize("ties", [False, True])
def test_equals_pycocotools(ties):
    samples, found = make_images(25, classes=2, objects=6, found=20, ties=ties)
    report = measured(samples, found).compute()
    for kind, ours, by_class in (
        ("segm", report.mask, report.mask_by_class),
        ("bbox", report.box, report.box_by_class),
    ):
        theirs = oracle(coco_truth(samples, NAMES), coco_results(samples, found, kind), kind)
        np.testing.assert_allclose(twelve(ours), theirs.stats, rtol=0, atol=1e-9)
        assert 0.05 < ours.AP < 0.9
        for index, name in enumerate(NAMES):
            precision, recall = theirs.eval["precision"][:, :, [index]], theirs.eval["recall"][:, [index]]
            expected = summed_up(precision, recall)
            np.testing.assert_allclose(twelve(by_class[name]), twelve(expected), rtol=0, atol=1e-9)
    assert report.mask_by_class["never seen"].AP is None
    assert report.objects_by_class == {
        name: sum(o.class_id == i and not o.is_crowd for s in samples for o in s.objects)
        for i, name in enumerate(NAMES)
    }


@pytest.fixture(scope="module")
def reference(shared):
    """COCO's own 100 images, and both published result files, as our images and detections."""
    folder = shared("data/raw/coco_eval_reference")
    truth = json.loads((folder / "instances_val2014_100.json").read_text())
    class_ids = {entry["id"]: index for index, entry in enumerate(truth["categories"])}
    images = {entry["id"]: entry for entry in truth["images"]}
    objects = {id_: [] for id_ in images}
    for entry in truth["annotations"]:
        rgb = images[entry["image_id"]]
        parsed = parse_object(entry, class_ids[entry["category_id"]], rgb["width"], rgb["height"])
        objects[entry["image_id"]].append(parsed.value)
    samples = [
        InstanceSample(folder / entry["file_name"], id_, entry["width"], entry["height"], tuple(objects[id_]))
        for id_, entry in images.items()
    ]
    results = {}
    for kind in ("segm", "bbox"):
        entries = json.loads((folder / f"instances_val2014_fake{kind}100_results.json").read_text())
        found = []
        for sample in samples:
            own = [entry for entry in entries if entry["image_id"] == sample.image_id]
            empty = {"size": [sample.height, sample.width], "counts": "0"}
            boxes = np.array([entry.get("bbox", [0, 0, 1, 1]) for entry in own], float).reshape(-1, 4)
            found.append(
                Detections(
                    np.array([entry["score"] for entry in own]),
                    np.array([class_ids[entry["category_id"]] for entry in own], int),
                    [entry.get("segmentation", empty) for entry in own],
                    np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1),
                )
            )
        results[kind] = (entries, found)
    return truth, samples, results


def test_published_numbers_of_masks(reference):
    truth, samples, results = reference
    entries, found = results["segm"]
    names = [entry["name"] for entry in truth["categories"]]
    mask = measured(samples, found, tuple(names)).compute().mask
    published = [0.320, 0.562, 0.299, 0.387, 0.310, 0.327, 0.268, 0.415, 0.417, 0.469, 0.377, 0.381]
    np.testing.assert_allclose(twelve(mask), published, atol=5e-4)
    np.testing.assert_allclose(twelve(mask), oracle(truth, entries, "segm").stats, rtol=0, atol=1e-9)


def test_published_numbers_of_boxes(reference):
    truth, samples, results = reference
    entries, found = results["bbox"]
    names = [entry["name"] for entry in truth["categories"]]
    box = measured(samples, found, tuple(names)).compute().box
    published = [0.505, 0.697, 0.573, 0.586, 0.519, 0.501, 0.387, 0.594, 0.595, 0.640, 0.566, 0.564]
    np.testing.assert_allclose(twelve(box), published, atol=5e-4)
    np.testing.assert_allclose(twelve(box), oracle(truth, entries, "bbox").stats, rtol=0, atol=1e-9)


def test_parts_merge_to_the_whole():
    samples, found = make_images(12, classes=2, objects=5, found=12)
    whole = measured(samples, found).compute()
    first, second = measured(samples[::2], found[::2]), measured(samples[1::2], found[1::2])
    first.merge(second)
    assert first.compute() == whole


def test_an_accumulator_travels_between_processes():
    samples, found = make_images(3, classes=2, objects=5, found=12)
    accumulator = measured(samples, found)
    assert pickle.loads(pickle.dumps(accumulator)).compute() == accumulator.compute()


def test_more_images_can_follow_a_computation():
    samples, found = make_images(6, classes=2, objects=5, found=12)
    accumulator = measured(samples[:3], found[:3])
    accumulator.compute()
    for sample, detections in zip(samples[3:], found[3:], strict=True):
        accumulator.update(sample, detections)
    assert accumulator.compute() == measured(samples, found).compute()


def test_a_image_counts_once():
    samples, found = make_images(2, classes=2, objects=5, found=12)
    accumulator = measured(samples, found)
    with pytest.raises(ValueError, match="already added"):
        accumulator.update(samples[0], found[0])
    with pytest.raises(ValueError, match="already added"):
        accumulator.merge(measured(samples[:1], found[:1]))


def test_images_without_detections_or_objects():
    samples, _ = make_images(1, classes=2, objects=5, found=1)
    bare = InstanceSample(samples[0].image, 99, 50, 40)
    assert measured([*samples, bare], [NONE, NONE]).compute().mask.AP == 0
    report = measured([bare], [NONE]).compute()
    assert report.mask.AP is None
    assert report.as_dict()["AP"] is None


def test_boxes_are_taken_from_the_masks_where_a_model_gives_none():
    samples, found = make_images(4, classes=2, objects=5, found=12)
    bare = [Detections(d.scores, d.classes, d.masks) for d in found]
    without, given = measured(samples, bare).compute(), measured(samples, found).compute()
    assert abs(without.box.AP - given.box.AP) < 0.1
    assert without.mask == given.mask


def test_refuses_what_does_not_fit():
    samples, found = make_images(1, classes=2, objects=5, found=12)
    with pytest.raises(ValueError, match="there are 1 classes"):
        measured(samples, found, ("one",))
    with pytest.raises(ValueError, match="differ in number"):
        Detections(np.zeros(2), np.zeros(2), [])
    with pytest.raises(ValueError, match="different classes"):
        MaskAP(ClassMap(("a",))).merge(MaskAP(ClassMap(("b",))))


def test_memory_does_not_grow_with_the_masks():
    samples, found = make_images(10, classes=2, objects=6, found=20)
    noise = np.random.default_rng(0).random((240, 320)) < 0.5
    heavy = [Detections(d.scores, d.classes, [rle.encode(noise)] * len(d.masks), d.boxes) for d in found]
    state = len(pickle.dumps(measured(samples, heavy)))
    assert state < 1.1 * len(pickle.dumps(measured(samples, found)))
    assert state < sum(len(mask["counts"]) for d in heavy for mask in d.masks) / 50


@pytest.mark.parametrize("seed", range(40))
def test_random_sets_with_limits_of_the_user_equal_pycocotools(seed):
    rng = np.random.default_rng(seed)
    most, sizes = int(rng.integers(11, 16)), (float(rng.uniform(10, 40)), float(rng.uniform(50, 120)))
    samples, found = make_images(3, classes=2, objects=6, found=30, seed=seed, ties=bool(seed % 2))
    accumulator = MaskAP(ClassMap(NAMES), Limits(most, sizes))
    for sample, detections in zip(samples, found, strict=True):
        accumulator.update(sample, detections)
    report = accumulator.compute()
    for kind, ours in (("segm", report.mask), ("bbox", report.box)):
        theirs = oracle(coco_truth(samples, NAMES), coco_results(samples, found, kind), kind, most=most, sizes=sizes)
        expected = summed_up(theirs.eval["precision"], theirs.eval["recall"])
        np.testing.assert_allclose(twelve(ours), twelve(expected), rtol=0, atol=1e-9)


def crowded_image(count: int):
    """One image of many small squares of one class, all found perfectly."""
    masks, objects = [], []
    for number in range(count):
        x, y = 6 * (number % 40), 6 * (number // 40)
        ring = (x, y, x + 4.0, y, x + 4.0, y + 4.0, x, y + 4.0)
        objects.append(InstanceObject(number, 0, (x, y, 4, 4), 16, (ring,)))
        masks.append(rle.from_polygons([ring], 240, 320))
    sample = InstanceSample(Path("crowded.png"), 1, 320, 240, tuple(objects))
    return sample, Detections(np.linspace(1, 0.5, count), np.zeros(count, int), masks)


@pytest.mark.parametrize(("most", "expected", "warned"), [(100, 0.604, True), (165, 1.0, False), (200, 1.0, False)])
def test_perfect_objects_beyond_the_limit_are_lost_and_that_is_said(most, expected, warned):
    accumulator = MaskAP(ClassMap(("cell",)), Limits(most))
    accumulator.update(*crowded_image(165))
    report = accumulator.compute()
    assert pytest.approx(expected, abs=5e-4) == report.mask.AP
    assert [f"more than {most} objects" in text for text in report.warnings] == [True] * warned
    assert all("Evaluate.max_detections=165" in text for text in report.warnings)
    assert f"AR_{most}" in report.as_dict()["mask"]


def test_a_replicate_is_the_measurement_of_the_repeated_images():
    samples, found = make_images(8, classes=2, objects=6, found=20)
    report = measured(samples, found).compute()
    values = replicates_of(report.masks, 0, 4, np.arange(8))
    (weights,) = draws(8, 4)
    for weight, ours in zip(weights.astype(int), values, strict=True):
        drawn = [place for place, times in enumerate(weight) for _ in range(times)]
        repeated = [replace(samples[place], image_id=number) for number, place in enumerate(drawn)]
        again = measured(repeated, [found[place] for place in drawn]).compute()
        np.testing.assert_allclose(ours[:2], again.masks.precision[0, :2], atol=1e-6)


def test_every_number_of_a_replicate_is_that_of_the_repeated_images():
    samples, found = make_images(8, classes=2, objects=6, found=20, seed=3)
    report = measured(samples, found).compute()
    values = instance_replicates(report, 4).all
    (weights,) = draws(8, 4)
    for number, weight in enumerate(weights.astype(int)):
        drawn = [place for place, times in enumerate(weight) for _ in range(times)]
        repeated = [replace(samples[place], image_id=image_id) for image_id, place in enumerate(drawn)]
        expected = instance_headline(measured(repeated, [found[place] for place in drawn]).compute())
        for name, ours in values.items():
            known = float("nan") if expected[name] is None else expected[name]
            assert ours[number] == pytest.approx(known, abs=1e-6, nan_ok=True), name


def test_intervals_hold_the_numbers_and_groups_widen_them():
    samples, found = make_images(24, classes=2, objects=5, found=12)
    twins = [replace(samples[place // 2], image_id=place) for place in range(48)]
    report = measured(twins, [found[place // 2] for place in range(48)]).compute()
    single = instance_intervals(report, 300)
    grouped = instance_intervals(report, 300, [str(place // 2) for place in range(48)])
    numbers = instance_headline(report)
    assert (
        set(single.all) == {name for name, value in numbers.items() if value is not None} >= {"box_AP", "ECE", "AR_1"}
    )
    for name, interval in single.all.items():
        assert interval.low <= numbers[name] <= interval.high or name == "ECE", "ECE is biased upwards by few scores"
    assert grouped.all["AP"].high - grouped.all["AP"].low > 1.2 * (single.all["AP"].high - single.all["AP"].low)
    assert single.by_class["never seen"]["AP"] is None
    assert instance_intervals(report, 0).replicates == 0
