"""COCO datasets of every form are read as meant."""

from __future__ import annotations

import json

import numpy as np
import pytest

from segcli.data import rle
from segcli.data.formats.coco import find_coco_root, scan_coco
from segcli.data.formats.instance_data import open_instance_dataset, scan_instance_dataset
from segcli.data.samples import Split
from segcli.errors import DatasetError
from tests.coco_folder import HEIGHT, NAMES, WIDTH, make_coco_folder, rectangle


@pytest.fixture
def folder(tmp_path):
    return make_coco_folder(tmp_path / "daten ü")


def test_categories_with_gaps_become_classes_in_the_order_of_the_file(folder):
    dataset = open_instance_dataset(folder.root)
    assert dataset.classes.names == NAMES
    assert dataset.category_ids == (3, 7)
    assert [value.class_id for value in dataset.train[0].objects] == [0, 1]
    assert [len(dataset.samples(split)) for split in Split] == [3, 2]


def test_image_and_category_ids_may_start_at_0(folder):
    for content in folder.parts.values():
        content["categories"] = [{"id": 0, "name": "one"}, {"id": 1, "name": "two"}]
        for entry in content["annotations"]:
            entry["category_id"] = 0 if entry["category_id"] == 3 else 1
            entry["id"] -= 1
    folder.write()
    dataset = open_instance_dataset(folder.root)
    assert dataset.category_ids == (0, 1)
    assert dataset.train[0].image_id == 0
    assert [len(sample.objects) for sample in dataset.train] == [2, 2, 2]


def test_all_forms_of_outlines_give_masks(folder):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:30, 10:40] = 1
    mask[15:20, 20:30] = 0
    code = rle.encode(mask)
    runs = rle.run_lengths(code["counts"]).tolist()
    holes = {"bbox": [10, 10, 30, 20], "area": int(mask.sum())}
    folder.entry("train", 0).update(segmentation=code, **holes)
    folder.entry("train", 1).update(segmentation={"size": [HEIGHT, WIDTH], "counts": runs}, iscrowd=1, **holes)
    parts = [rectangle(2, 2, 10, 10), rectangle(30, 30, 10, 5)]
    folder.entry("train", 2).update(segmentation=parts, bbox=[2, 2, 38, 33], area=150)
    folder.write()
    objects = [value for sample in open_instance_dataset(folder.root).train for value in sample.objects]
    for value in objects[:2]:
        np.testing.assert_array_equal(rle.decode(value.to_rle(HEIGHT, WIDTH)), mask)
    assert [value.is_crowd for value in objects[:3]] == [False, True, False]
    two_parts = rle.decode(objects[2].to_rle(HEIGHT, WIDTH))
    assert two_parts.sum() == 150
    assert two_parts[5, 5] == two_parts[32, 35] == 1


def test_missing_box_area_and_size_are_computed(folder):
    entry = folder.entry("train")
    del entry["bbox"], entry["area"], entry["iscrowd"]
    del folder.parts["train"]["images"][0]["width"]
    folder.write()
    sample = open_instance_dataset(folder.root).train[0]
    assert sample.objects[0].box == (4, 4, 20, 12)
    assert sample.objects[0].area_px == 240
    assert not sample.objects[0].is_crowd
    assert (sample.width, sample.height) == (WIDTH, HEIGHT)


def test_categories_of_val_are_matched_by_name(folder):
    content = folder.parts["val"]
    content["categories"] = [{"id": 1, "name": NAMES[1]}, {"id": 2, "name": NAMES[0]}]
    for entry in content["annotations"]:
        entry["category_id"] = {7: 1, 3: 2}[entry["category_id"]]
    folder.write()
    dataset, findings = scan_instance_dataset(folder.root)
    assert [value.class_id for value in dataset.val[0].objects] == [0, 1]
    assert {found.code for found in findings} == {"C144"}


def test_a_byte_order_mark_and_backslashes_do_no_harm(folder):
    (folder.root / "images" / "sub").mkdir()
    folder.image("a0").rename(folder.root / "images" / "sub" / "a0.png")
    folder.parts["train"]["images"][0]["file_name"] = "sub\\a0.png"
    text = json.dumps(folder.parts["train"], ensure_ascii=False)
    folder.file("train").write_text(text, encoding="utf-8-sig")
    assert open_instance_dataset(folder.root).train[0].image == folder.root / "images" / "sub" / "a0.png"


def test_what_cannot_be_used_is_left_out_and_the_rest_stays(folder):
    folder.image("a0").unlink()
    folder.parts["train"]["annotations"] = [*folder.parts["train"]["annotations"], "nonsense", {"id": "x"}]
    folder.entry("train", 2)["category_id"] = 99
    folder.entry("train", 3)["image_id"] = [1]
    folder.entry("train", 4)["segmentation"] = []
    folder.write()
    scan = scan_coco(folder.root)
    assert [sample.image_id for sample in scan.dataset.train] == [1, 2]
    assert [len(sample.objects) for sample in scan.dataset.train] == [0, 1]
    assert (scan.counts[Split.TRAIN].images, scan.counts[Split.TRAIN].annotations) == (3, 8)
    with pytest.raises(DatasetError) as caught:
        open_instance_dataset(folder.root)
    assert {found.code for found in caught.value.findings} >= {"C107", "C111", "C127", "C131", "C132"}


def test_the_dataset_may_lie_deeper(folder, tmp_path):
    assert find_coco_root(tmp_path) == folder.root
    make_coco_folder(tmp_path / "second")
    with pytest.raises(DatasetError, match="second"):
        find_coco_root(tmp_path)
    with pytest.raises(DatasetError, match="no such folder"):
        find_coco_root(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "counts", "objects", "classes"), [("INST", (110, 30), 3957, 10), ("INST_nuclei", (100, 30), 3480, 1)]
)
def test_real_data_is_read_whole(shared, name, counts, objects, classes):
    dataset, findings = scan_instance_dataset(shared(f"data/{name}"))
    assert findings == []
    assert ((len(dataset.train), len(dataset.val)), len(dataset.classes)) == (counts, classes)
    assert sum(len(sample.objects) for split in Split for sample in dataset.samples(split)) == objects
