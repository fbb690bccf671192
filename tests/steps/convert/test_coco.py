"""LabelMe becomes COCO: outlines as drawn where an outline can say it, run-length codes elsewhere."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from segcli.config.schema import Config
from segcli.data import rle
from segcli.data.changes.undo import undo
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.image import decode_image, read_image, read_mask
from segcli.errors import ConfigError
from segcli.steps.check.command import check_dataset
from segcli.steps.convert.command import convert_dataset
from tests.files import snapshot
from tests.labelme_folder import (
    HEIGHT,
    WIDTH,
    box,
    convert_config,
    image_bytes,
    mask_text,
    shape,
    write_labelme,
    write_lists,
)

CAT, DOG = box("cat", 4, 4, 20, 20), box("dog", 30, 10, 50, 40)
TRIANGLE = shape("cat", (1.25, 2.5), (30.125, 2.75), (20.5, 30.0625))


def converted(root, **settings):
    report = convert_dataset(convert_config(root, "SOLOv2", **settings))
    parts = [json.loads((root / f"annotations/instance_{part}.json").read_text()) for part in ("train", "val")]
    return report, *parts


def objects_of(root, *shapes, **settings):
    write_labelme(root, "a", shapes)
    _, train, val = converted(root, **settings)
    return train["annotations"] + val["annotations"]


def pixels(entry):
    code = entry["segmentation"]
    code = rle.parse(code) if isinstance(code, dict) else rle.from_polygons(code, HEIGHT, WIDTH)
    return rle.decode(code) > 0


def painted(root, *shapes):
    """What the conversion to masks makes of the same shapes."""
    write_labelme(root, "a", shapes)
    convert_dataset(convert_config(root))
    return read_mask(root / "annotations/a.png") > 0


def test_polygons_stay_as_they_were_drawn(tmp_path):
    (entry,) = objects_of(tmp_path, TRIANGLE)
    assert entry["segmentation"] == [[1.25, 2.5, 30.125, 2.75, 20.5, 30.0625]]
    assert entry["iscrowd"] == 0
    assert (entry["id"], entry["image_id"], entry["category_id"]) == (1, 1, 1)
    assert entry["bbox"] == [1.0, 2.0, 30.0, 29.0]
    assert entry["area"] == painted(tmp_path / "seg", TRIANGLE).sum()


def test_outlines_over_the_border_stay_and_their_boxes_do_not(tmp_path):
    (entry,) = objects_of(tmp_path, box("cat", -10, -5, 20, 10))
    assert entry["segmentation"] == [[-10, -5, 20, -5, 20, 10, -10, 10]]
    assert entry["bbox"] == [0, 0, 21, 11]
    assert entry["area"] == 21 * 11


def test_rectangles_have_four_points(tmp_path):
    (entry,) = objects_of(tmp_path, shape("cat", (20, 15), (5, 6), kind="rectangle"))
    assert entry["segmentation"] == [[5, 6, 20, 6, 20, 15, 5, 15]]
    assert entry["bbox"] == [5, 6, 16, 10]


def test_circles_are_fine_polygons(tmp_path):
    (entry,) = objects_of(tmp_path, shape("cat", (30, 24), (30 + 12, 24 + 16), kind="circle"))
    ((*ring,),) = entry["segmentation"]
    distances = np.hypot(np.array(ring[0::2]) - 30, np.array(ring[1::2]) - 24)
    assert distances == pytest.approx(20)
    assert 20 * (1 - math.cos(math.pi / len(distances))) <= 0.1


@pytest.mark.parametrize(
    "entry",
    [
        shape("cat", (5, 5), (40, 30), kind="line"),
        shape("cat", (5, 5), (40, 5), (40, 30), kind="linestrip"),
        shape("cat", (20, 20), kind="point"),
        shape("cat", (6, 7), (9, 10), kind="mask", mask=mask_text(np.eye(4))),
        shape("cat", (20, 20), (20.5, 20), kind="circle"),
    ],
    ids=lambda entry: entry["shape_type"],
)
def test_what_has_no_outline_is_run_length_code(tmp_path, entry):
    (made,) = objects_of(tmp_path, entry)
    expected = painted(tmp_path / "seg", entry)
    assert np.array_equal(pixels(made), expected)
    assert made["area"] == expected.sum()
    rows, columns = np.nonzero(expected)
    assert made["bbox"] == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]


def test_width_of_lines(tmp_path):
    line = shape("cat", (5, 20), (40, 20), kind="line")
    (thin,), (thick,) = (objects_of(tmp_path, line, line_width=width) for width in (1, 9))
    assert thin["area"] == 36
    assert thick["area"] > 8 * 36


def test_a_group_of_one_label_is_one_object(tmp_path):
    parts = [box("cat", 2, 2, 10, 10, group_id=1), DOG, box("cat", 20, 2, 28, 10, group_id=1)]
    others = [box("cat", 2, 20, 8, 28, group_id=2), box("dog", 2, 30, 8, 38, group_id=1), box("cat", 12, 30, 18, 38)]
    entries = objects_of(tmp_path, *parts, *others)
    assert [len(entry["segmentation"]) for entry in entries] == [2, 1, 1, 1, 1]
    assert [entry["category_id"] for entry in entries] == [1, 2, 1, 2, 1]
    assert entries[0]["bbox"] == [2, 2, 27, 9]
    assert entries[0]["area"] == 2 * 81


def test_overlapping_parts_count_once(tmp_path):
    (entry,) = objects_of(tmp_path, box("cat", 0, 0, 9, 9, group_id=1), box("cat", 5, 0, 14, 9, group_id=1))
    assert entry["area"] == 15 * 10
    assert len(entry["segmentation"]) == 2


def test_a_part_inside_another_is_a_hole_and_one_inside_that_is_filled(tmp_path):
    rings = [box("cat", 15, 15, 25, 25), box("cat", 5, 5, 35, 35), box("cat", 10, 10, 30, 30)]
    (entry,) = objects_of(tmp_path, *({**ring, "group_id": 4} for ring in rings))
    expected = np.zeros((HEIGHT, WIDTH), bool)
    for edge, value in ((5, True), (10, False), (15, True)):
        expected[edge : 41 - edge, edge : 41 - edge] = value
    assert np.array_equal(pixels(entry), expected)
    assert entry["area"] == expected.sum()


def test_a_line_in_a_group_makes_all_of_it_run_length_code(tmp_path):
    parts = [box("cat", 5, 5, 35, 35, group_id=1), shape("cat", (10, 20), (60, 20), kind="line", group_id=1)]
    (entry,) = objects_of(tmp_path, *parts)
    assert np.array_equal(pixels(entry), painted(tmp_path / "seg", *parts))


def test_equal_parts_are_no_holes(tmp_path):
    (entry,) = objects_of(tmp_path, {**CAT, "group_id": 1}, {**CAT, "group_id": 1})
    assert entry["area"] == 17 * 17


def test_ignored_and_background_shapes_are_left_out_and_counted(tmp_path):
    write_labelme(tmp_path, "a", [box("__ignore__", 1, 1, 5, 5), CAT, box("_background_", 1, 1, 5, 5)])
    report, train, _ = converted(tmp_path)
    assert report.plan.classes == ("cat",)
    assert [entry["name"] for entry in train["categories"]] == ["cat"]
    assert report.made == {"objects": 1, "shapes_left_out": 2, "objects_without_pixels": 0}
    assert report.as_dict()["shapes"] == {"__ignore__": 1, "cat": 1, "_background_": 1}


def test_objects_outside_the_image_are_left_out_and_counted(tmp_path):
    write_labelme(tmp_path, "a", [box("cat", 100, 1, 120, 5), CAT])
    report, train, val = converted(tmp_path)
    assert report.made["objects_without_pixels"] == 1
    assert [entry["area"] for entry in train["annotations"] + val["annotations"]] == [17 * 17]


def test_both_parts_have_the_same_categories_and_no_id_twice(tmp_path):
    write_labelme(tmp_path, "a", [DOG], seed=1)
    write_labelme(tmp_path, "b", [CAT, DOG], seed=2)
    write_labelme(tmp_path, "c", [box("ant", 1, 1, 9, 9)], seed=3)
    write_lists(tmp_path, ["c", "a"], ["b"])
    _, train, val = converted(tmp_path)
    assert train["categories"] == val["categories"]
    assert train["categories"] == [{"id": 1, "name": "ant"}, {"id": 2, "name": "dog"}, {"id": 3, "name": "cat"}]
    assert [entry["file_name"] for entry in train["images"]] == ["c.png", "a.png"]
    assert [entry["id"] for entry in train["images"] + val["images"]] == [1, 2, 3]
    assert [entry["id"] for entry in train["annotations"] + val["annotations"]] == [1, 2, 3, 4]


def test_categories_in_the_order_of_label_txt(tmp_path):
    write_labelme(tmp_path, "a", [CAT, box("狗", 30, 10, 50, 40)])
    (tmp_path / "label.txt").write_text("__ignore__\n_background_\nunused\n狗\ncat\n", encoding="utf-8")
    _, train, _ = converted(tmp_path)
    assert [entry["name"] for entry in train["categories"]] == ["unused", "狗", "cat"]


@pytest.mark.parametrize(
    ("name", "keys", "file_name"),
    [
        ("a", {}, "a.png"),
        ("annotations/a", {"image": "images/a.png"}, "a.png"),
        ("annotations/a", {"image": "images/deep/a.png", "imagePath": r"..\images\deep\a.png"}, "deep/a.png"),
        ("a", {"image": None, "embedded": True, "imageHeight": None}, "a.png"),
    ],
)
def test_every_layout(tmp_path, name, keys, file_name):
    write_labelme(tmp_path, name, [CAT], **keys)
    before = snapshot(tmp_path)
    _, train, val = converted(tmp_path)
    (image,) = train["images"] + val["images"]
    assert (image["file_name"], image["width"], image["height"]) == (file_name, WIDTH, HEIGHT)
    assert np.array_equal(read_image(tmp_path / "images" / file_name), decode_image(image_bytes()))
    assert convert_dataset(convert_config(tmp_path, "SOLOv2")).changes == ()
    undo(tmp_path)
    assert snapshot(tmp_path, without="") == before


def test_equal_names_in_two_folders(tmp_path):
    for number, folder in enumerate("ab"):
        write_labelme(tmp_path, f"{folder}/0", [(CAT, DOG)[number]], seed=number)
    write_lists(tmp_path, ["a/0"], ["b/0"])
    converted(tmp_path)
    dataset = open_instance_dataset(tmp_path)
    (train,), (val,) = dataset.train, dataset.val
    assert (train.image.read_bytes(), val.image.read_bytes()) == (image_bytes(0), image_bytes(1))
    assert (train.objects[0].class_id, val.objects[0].class_id) == (0, 1)


def test_converted_data_pass_the_check(tmp_path):
    kinds = [
        shape("cat", (40, 30), (44, 33), kind="circle"),
        shape("cat", (45, 5), (60, 15), kind="rectangle"),
        shape("cat", (6, 30), (9, 33), kind="mask", mask=mask_text(np.ones((4, 4)))),
        shape("cat", (5, 40), (30, 44), kind="line"),
        shape("cat", (25, 25), kind="point"),
    ]
    for number in range(5):
        write_labelme(tmp_path, f"p{number}", [CAT, DOG, *kinds], seed=number)
    settings = convert_config(tmp_path, "SOLOv2", enable=True, src_dataset_type="LabelMe")
    result = check_dataset(settings)
    assert result.valid, result.findings
    assert [found.code for found in result.findings] == []
    assert result.as_dict()["conversion"]["objects"] == 35


@pytest.mark.parametrize("model", ["PP-LiteSeg-T", "SOLOv2"])
def test_conversion_and_division_together_change_nothing_when_repeated(tmp_path, model):
    for number in range(10):
        write_labelme(tmp_path, f"p{number}", [CAT, DOG], seed=number)
    write_lists(tmp_path, [f"p{number}" for number in range(7)], ["p7", "p8", "p9"])
    steps = {
        "convert": {"enable": True, "src_dataset_type": "LabelMe"},
        "split": {"enable": True, "train_percent": 60, "val_percent": 40, "seed": 3},
    }
    config = Config.model_validate({"Global": {"model": model, "dataset_dir": str(tmp_path)}, "CheckDataset": steps})
    values = check_dataset(config).as_dict()
    assert (values["split"]["train_samples"], values["split"]["val_samples"]) == (6, 4)
    assert values["split"]["written"] == 0
    before = snapshot(tmp_path)
    assert check_dataset(config).as_dict()["conversion"]["written"] == 0
    assert snapshot(tmp_path) == before


def test_a_division_that_cannot_be_is_refused_before_anything_is_written(tmp_path):
    write_labelme(tmp_path, "a", [CAT])
    before = snapshot(tmp_path, without="")
    split = {"enable": True, "train_percent": 60, "val_percent": 30}
    config = Config.model_validate(
        {"Global": {"model": "SOLOv2", "dataset_dir": str(tmp_path)}, "CheckDataset": {"split": split}}
    )
    with pytest.raises(ConfigError):
        convert_dataset(config)
    assert snapshot(tmp_path, without="") == before
