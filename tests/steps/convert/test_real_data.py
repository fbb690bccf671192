"""Conversion of real LabelMe data, against what PaddleX makes of them."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from segcli.data.changes.undo import undo
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.image import read_mask
from segcli.steps.convert.command import convert_dataset, plan_conversion
from tests.files import snapshot
from tests.labelme_folder import convert_config


@pytest.fixture
def copy(shared, tmp_path):
    def of(name):
        return shutil.copytree(shared(f"data/{name}"), tmp_path / "data")

    return of


def class_ids(root):
    lines = (root / "class_name_to_id.txt").read_text(encoding="utf-8").splitlines()
    return {name: int(number) for number, _, name in (line.partition(": ") for line in lines)}


def test_masks_are_those_of_paddlex(shared, copy):
    root, expected = copy("LABELME_SEG"), shared("data/expected_paddlex/LABELME_SEG__seg")
    before = snapshot(root)
    convert_dataset(convert_config(root))
    ours, theirs = class_ids(root), class_ids(expected)
    assert list(ours) == ["_background_", *(root / "label.txt").read_text().split()]
    to_ours = np.zeros(256, np.uint8)
    for name, number in theirs.items():
        to_ours[number] = ours[name]
    masks = sorted((expected / "annotations").iterdir())
    assert len(masks) == 92
    for path in masks:
        assert np.array_equal(read_mask(root / "annotations" / path.name), to_ours[read_mask(path)]), path.name
    for part in ("train", "val"):
        stems = [
            [line.split("/")[-1] for line in (folder / f"{part}.txt").read_text().splitlines()]
            for folder in (root, expected)
        ]
        assert stems[0] == stems[1]
    undo(root)
    assert snapshot(root, without="") == before


def test_images_in_a_folder_of_their_own(copy):
    root = copy("LABELME_INST")
    convert_dataset(convert_config(root))
    dataset = open_seg_dataset(root)
    assert (len(dataset.train), len(dataset.val)) == (14, 4)
    assert dataset.classes.names == ("_background_", "date", "fig", "hazelnut")
    assert all(read_mask(sample.mask).any() for sample in (*dataset.train, *dataset.val))


def coco_values(folder, part):
    content = json.loads((folder / f"annotations/instance_{part}.json").read_text())
    names = {entry["id"]: entry["name"] for entry in content["categories"]}
    files = {entry["id"]: entry["file_name"] for entry in content["images"]}
    keys = ("segmentation", "bbox", "area", "iscrowd")
    objects = [
        (files[entry["image_id"]], names[entry["category_id"]], *(entry[key] for key in keys))
        for entry in content["annotations"]
    ]
    return [(entry["file_name"], entry["width"], entry["height"]) for entry in content["images"]], objects


@pytest.mark.parametrize(("name", "objects"), [("LABELME_SEG", 276), ("LABELME_INST", 165)])
def test_objects_are_those_of_paddlex(shared, copy, name, objects):
    root, expected = copy(name), shared(f"data/expected_paddlex/{name}__inst")
    before = snapshot(root)
    report = convert_dataset(convert_config(root, "SOLOv2"))
    assert report.made == {"objects": objects, "shapes_left_out": 0, "objects_without_pixels": 0}
    for part in ("train", "val"):
        assert coco_values(root, part) == coco_values(expected, part)
    dataset = open_instance_dataset(root)
    assert list(dataset.classes) == (root / "label.txt").read_text().split()
    assert convert_dataset(convert_config(root, "SOLOv2")).changes == ()
    undo(root)
    assert snapshot(root, without="") == before


@pytest.mark.parametrize("model", ["PP-LiteSeg-T", "SOLOv2"])
def test_chinese_labels_and_images_inside(copy, model):
    root = copy("raw/labelme_chinese_labels")
    plan = plan_conversion(convert_config(root, model))
    assert not plan.errors, plan.errors
    convert_dataset(convert_config(root, model))
    assert any(not name.isascii() for name in plan.classes)
    assert len(list((root / "images").iterdir())) == len(plan.placed_images) == 4


def test_rectangles(copy):
    root = copy("raw/labelme_rectangles")
    convert_dataset(convert_config(root, "SOLOv2"))
    dataset = open_instance_dataset(root)
    outlines = [entry.segmentation for sample in dataset.train + dataset.val for entry in sample.objects]
    assert len(dataset.train) + len(dataset.val) == 12
    assert {len(ring) for rings in outlines for ring in rings} == {8}
