"""Objects that are wrong in a way that a program can see: told once, never trained on as they stand."""

from __future__ import annotations

import pytest

from segcli.data.formats.instance_data import open_instance_dataset, scan_instance_dataset
from segcli.errors import DatasetError
from segcli.findings import Severity
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.settings import PassSettings
from tests.coco_folder import HEIGHT, WIDTH, make_coco_folder, rectangle

WAYS = {
    "[left, top, right, bottom]": lambda x, y, w, h: [x, y, x + w, y + h],
    "[centre x, centre y, width, height]": lambda x, y, w, h: [x + w / 2, y + h / 2, w, h],
    "half its size": lambda x, y, w, h: [x / 2, y / 2, w / 2, h / 2],
    "twice its size": lambda x, y, w, h: [2 * x, 2 * y, 2 * w, 2 * h],
    "half the width": lambda x, y, w, h: [x, y, w / 2, h / 2],
    "[left, top, width, height] between 0 and 1": lambda x, y, w, h: [x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT],
    "[centre x, centre y, width, height] between 0 and 1": lambda x, y, w, h: [
        (x + w / 2) / WIDTH,
        (y + h / 2) / HEIGHT,
        w / WIDTH,
        h / HEIGHT,
    ],
}


@pytest.fixture
def folder(tmp_path):
    return make_coco_folder(tmp_path / "data")


def found(folder):
    folder.write()
    return examine_coco_dataset(folder.root, settings=PassSettings(workers=1)).findings


def objects(folder, part="train"):
    return folder.parts[part]["annotations"]


def errors(findings):
    return [fault.code for fault in findings if fault.severity is Severity.ERROR]


@pytest.mark.parametrize("way", WAYS)
def test_boxes_of_another_convention_are_one_error_that_names_it(folder, way):
    for entry in objects(folder):
        entry["bbox"] = WAYS[way](*entry["bbox"])
    (fault,) = found(folder)
    assert (fault.code, fault.path) == ("C137", "annotations/instance_train.json")
    assert "6 of 6 objects" in fault.message
    assert way in fault.message
    with pytest.raises(DatasetError):
        open_instance_dataset(folder.root)


@pytest.mark.parametrize("way", WAYS)
def test_a_few_wrong_boxes_are_replaced_by_those_of_their_outlines(folder, way):
    right = list(objects(folder)[1]["bbox"])
    objects(folder)[1]["bbox"] = WAYS[way](*right)
    (fault,) = found(folder)
    assert fault.code in ("C134", "C122")
    assert fault.location == "annotation 2"
    dataset, _ = scan_instance_dataset(folder.root)
    assert list(dataset.train[0].objects[1].box) == right


def test_loose_boxes_stay_as_they_are(folder):
    objects(folder)[0]["bbox"] = [2, 3, 24, 15]
    assert found(folder) == ()
    dataset, _ = scan_instance_dataset(folder.root)
    assert dataset.train[0].objects[0].box == (2, 3, 24, 15)


@pytest.mark.parametrize("with_boxes", [True, False])
def test_normalised_outlines_are_one_error_and_nothing_is_to_be_deleted(folder, with_boxes):
    for part in ("train", "val"):
        for entry in objects(folder, part):
            x, y, w, h = entry["bbox"]
            box = [x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT]
            entry.update(segmentation=[rectangle(*box)], bbox=box, area=box[2] * box[3])
            if not with_boxes:
                del entry["bbox"]
    faults = found(folder)
    assert errors(faults) == ["C136", "C136"]
    assert "6 of 6 objects" in faults[0].message
    assert "delete nothing" in faults[0].hint
    assert {fault.code for fault in faults} == {"C136"}


@pytest.mark.parametrize(("flag", "crowd"), [("0", False), ("false", False), ("1", True), ("True", True), (0.0, False)])
def test_a_flag_in_words_means_what_it_says(folder, flag, crowd):
    objects(folder)[0]["iscrowd"] = flag
    folder.write()
    dataset, findings = scan_instance_dataset(folder.root)
    assert dataset.train[0].objects[0].is_crowd is crowd
    assert [fault.code for fault in findings] == (["C135"] if isinstance(flag, str) else [])


def test_a_part_of_crowds_has_nothing_to_learn_or_measure(folder):
    for entry in objects(folder, "val"):
        entry["iscrowd"] = 1
    (fault,) = [fault for fault in found(folder) if fault.code == "C106"]
    assert "all 4 are crowds" in fault.message
    assert fault.path.endswith("val.json")


def test_a_part_of_slivers_has_nothing_to_learn(folder):
    for number, entry in enumerate(objects(folder, "val")):
        box = [5 + 3 * number, 5, 0.4, 20]
        entry.update(segmentation=[rectangle(*box)], bbox=box, area=8)
    assert "C106" in errors(found(folder))


@pytest.mark.parametrize("box", [None, [4, 4, 20, 12]])
def test_an_outline_outside_is_an_error_whatever_the_box_says(folder, box):
    entry = objects(folder)[0]
    entry.update(segmentation=[rectangle(200, 10, 20, 20)], area=400)
    entry["bbox"] = box
    (fault,) = found(folder)
    assert (fault.code, fault.location) == ("C139", "annotation 1")


def test_the_area_of_the_box_is_not_that_of_a_triangle(folder):
    objects(folder)[0].update(segmentation=[[4, 4, 24, 4, 4, 16]], area=240)
    (fault,) = found(folder)
    assert fault.code == "C138"
    dataset, _ = scan_instance_dataset(folder.root)
    assert abs(dataset.train[0].objects[0].area_px - 120) < 20


def test_holes_taken_from_an_area_are_no_fault(folder):
    objects(folder)[0].update(segmentation=[rectangle(4, 4, 20, 12), rectangle(8, 6, 10, 6)], area=180)
    assert found(folder) == ()


def test_crossed_sides_are_no_speck(folder):
    objects(folder)[0].update(segmentation=[[4, 4, 24, 16, 24, 4, 4, 16]], area=120)
    assert [fault.code for fault in found(folder)] == ["C126"]


def test_many_copies_of_an_object_are_one_finding(folder):
    original = objects(folder)[0]
    objects(folder).extend({**original, "id": 100 + number} for number in range(500))
    faults = found(folder)
    (copies,) = [fault for fault in faults if fault.code == "C120"]
    assert "annotation 1" in copies.message
    assert "499 more" in copies.message


def test_numbers_that_no_computer_holds_are_findings(folder):
    huge = int("9" * 400)
    objects(folder)[0]["segmentation"][0][0] = huge
    objects(folder)[1]["bbox"][2] = huge
    objects(folder)[2]["area"] = huge
    findings = found(folder)
    assert {"C125", "C122", "C130"} <= {fault.code for fault in findings}
    assert all(len(str(fault)) < 400 for fault in findings)
