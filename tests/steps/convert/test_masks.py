"""LabelMe becomes a SegDataset: every kind of shape, every layout, nothing lost."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from segcli.data.changes.undo import undo
from segcli.data.classes import IGNORE_INDEX
from segcli.data.formats.masks import scan_seg_dataset
from segcli.data.image import decode_image, read_image, read_mask
from segcli.data.samples import Split
from segcli.errors import UsageError
from segcli.steps.check.command import check_dataset
from segcli.steps.convert.command import apply_conversion, convert_dataset, plan_conversion
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


def converted(root, **settings):
    report = convert_dataset(convert_config(root, **settings))
    return report, scan_seg_dataset(root)[0]


def only_sample(dataset):
    (sample,) = (*dataset.train, *dataset.val)
    return sample


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        (CAT, (10, 10), (30, 30)),
        (shape("cat", (5, 5), (20, 15), kind="rectangle"), (10, 10), (18, 10)),
        (shape("cat", (20, 20), (30, 20), kind="circle"), (27, 20), (28, 28)),
        (shape("cat", (5, 5), (40, 5), kind="line"), (6, 20), (10, 20)),
        (shape("cat", (5, 5), (40, 5), (40, 30), kind="linestrip"), (20, 41), (15, 25)),
        (shape("cat", (20, 20), kind="point"), (22, 22), (28, 20)),
        (shape("cat", (6, 7), (9, 10), kind="mask", mask=mask_text(np.eye(4))), (9, 8), (9, 7)),
    ],
    ids=lambda value: value["shape_type"] if isinstance(value, dict) else None,
)
def test_every_kind_of_shape(tmp_path, entry, inside, outside):
    write_labelme(tmp_path, "a", [entry])
    report, dataset = converted(tmp_path)
    mask = read_mask(only_sample(dataset).mask)
    assert mask.shape == (HEIGHT, WIDTH)
    assert (mask[inside], mask[outside]) == (1, 0)
    assert report.plan.shapes() == {"cat": 1}
    assert dataset.classes.names == ("_background_", "cat")


def test_width_of_lines_and_points(tmp_path):
    write_labelme(tmp_path, "a", [shape("cat", (5, 20), (40, 20), kind="line"), shape("dog", (55, 20), kind="point")])
    thin = read_mask(only_sample(converted(tmp_path, line_width=1, point_size=1)[1]).mask)
    assert (thin == 1).sum() == 36
    assert (thin == 2).sum() <= 9
    thick = read_mask(only_sample(converted(tmp_path, line_width=7)[1]).mask)
    assert (thick == 1).sum() > 6 * 36


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("a", {}),
        ("a", {"imageHeight": None, "imageWidth": None}),
        ("annotations/a", {"image": "images/a.png"}),
        ("annotations/a", {"image": "images/a.png", "imagePath": "../images/a.png"}),
        ("annotations/a", {"image": "images/a.png", "imagePath": r"..\images\a.png"}),
        ("annotations/a", {"image": "images/a.png", "imagePath": r"C:\Users\me\a.png"}),
        ("a", {"image": "imgs/a.png", "imagePath": "imgs/a.png"}),
        ("a", {"image": "images/deep/b c.png", "imagePath": "images/deep/b c.png"}),
        ("labels/a", {"image": "images/a.png", "imagePath": None}),
        ("part/labels/a", {"image": "part/images/a.png"}),
        ("a", {"image": None, "embedded": True}),
        ("a", {"image": None, "embedded": True, "imagePath": None, "imageHeight": None}),
        ("annotations/a", {"image": "annotations/a.png"}),
    ],
)
def test_every_layout(tmp_path, name, keys):
    write_labelme(tmp_path, name, [CAT], **keys)
    before = snapshot(tmp_path)
    _, dataset = converted(tmp_path)
    sample = only_sample(dataset)
    assert np.array_equal(read_image(sample.image), decode_image(image_bytes()))
    assert read_mask(sample.mask)[10, 10] == 1
    after = snapshot(tmp_path)
    assert {path: after[path] for path in before} == before
    assert convert_dataset(convert_config(tmp_path)).changes == ()
    undo(tmp_path)
    assert snapshot(tmp_path, without="") == before


def test_the_image_beside_is_taken_before_the_embedded_one(tmp_path):
    write_labelme(tmp_path, "a", [CAT], embedded=True, seed=5)
    pixels = decode_image(image_bytes(5))[..., ::-1]
    same = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()
    assert same != image_bytes(5)
    (tmp_path / "a.png").write_bytes(same)
    image = only_sample(converted(tmp_path)[1]).image
    assert image.read_bytes() == same


def test_another_image_beside_than_the_embedded_one_is_refused(tmp_path):
    write_labelme(tmp_path, "a", [CAT], embedded=True, seed=5)
    (tmp_path / "a.png").write_bytes(image_bytes(6))
    plan = plan_conversion(convert_config(tmp_path))
    assert [found.code for found in plan.errors] == ["L213"]


def test_a_mask_beside_the_annotation_is_not_its_image(tmp_path):
    write_labelme(tmp_path, "annotations/a", [CAT], image="images/a.png", seed=1)
    (tmp_path / "annotations/a.png").write_bytes(image_bytes(2))
    assert only_sample(converted(tmp_path)[1]).image.read_bytes() == image_bytes(1)


def test_images_of_a_neighbour_dataset_are_not_taken(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").write_bytes(image_bytes())
    write_labelme(tmp_path / "data", "a", [CAT], image=None)
    plan = plan_conversion(convert_config(tmp_path / "data"))
    assert [found.code for found in plan.findings] == ["L201"]


def test_a_dataset_below_the_folder_is_found_by_its_lists(tmp_path):
    write_labelme(tmp_path / "set", "a", [CAT], seed=1)
    write_labelme(tmp_path / "set", "b", [CAT], seed=2)
    write_lists(tmp_path / "set", ["a"], ["b"])
    before = snapshot(tmp_path)
    report = convert_dataset(convert_config(tmp_path))
    assert report.plan.root == tmp_path / "set"
    assert undo(tmp_path).changes == report.changes
    assert snapshot(tmp_path, without="") == before


def test_several_datasets_below_the_folder(tmp_path):
    for name in ("one", "two"):
        write_labelme(tmp_path / name, "a", [CAT])
        write_lists(tmp_path / name, ["a"], [])
    with pytest.raises(UsageError, match="several folders hold LabelMe data: one, two"):
        convert_dataset(convert_config(tmp_path))
    for name in ("one", "two"):
        convert_dataset(convert_config(tmp_path / name))
    with pytest.raises(UsageError, match="changed datasets lie in one, two"):
        undo(tmp_path)


def test_ignored_and_background_shapes(tmp_path):
    shapes = [CAT, box("__ignore__", 10, 10, 20, 20), box("_background_", 14, 14, 20, 20), DOG]
    write_labelme(tmp_path, "a", shapes)
    report, dataset = converted(tmp_path)
    mask = read_mask(only_sample(dataset).mask)
    assert (mask[5, 5], mask[11, 11], mask[15, 15], mask[20, 40]) == (1, IGNORE_INDEX, 0, 2)
    assert dataset.classes.names == ("_background_", "cat", "dog")
    assert report.as_dict()["shapes"] == {"cat": 1, "__ignore__": 1, "_background_": 1, "dog": 1}


def test_later_shapes_cover_earlier_ones(tmp_path):
    write_labelme(tmp_path, "a", [CAT, box("dog", 10, 10, 30, 30)])
    mask = read_mask(only_sample(converted(tmp_path)[1]).mask)
    assert (mask[15, 15], mask[5, 5]) == (2, 1)


def test_classes_by_first_appearance_over_train_then_val(tmp_path):
    write_labelme(tmp_path, "a", [box("zebra", 1, 1, 9, 9)])
    write_labelme(tmp_path, "b", [DOG, CAT])
    write_labelme(tmp_path, "c", [box("ant", 1, 1, 9, 9)])
    write_lists(tmp_path, ["c", "b"], ["a"])
    report, dataset = converted(tmp_path)
    assert report.plan.classes == ("_background_", "ant", "dog", "cat", "zebra")
    assert [sample.image.stem for sample in dataset.train] == ["c", "b"]
    assert [sample.image.stem for sample in dataset.val] == ["a"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_classes_in_the_order_of_label_txt(tmp_path, encoding):
    write_labelme(tmp_path, "a", [CAT, box("狗", 30, 10, 50, 40)])
    lines = ["__ignore__", "_background_", "unused", "狗", "cat", ""]
    (tmp_path / "label.txt").write_text("\n".join(lines), encoding=encoding)
    _, dataset = converted(tmp_path)
    assert dataset.classes.names == ("_background_", "unused", "狗", "cat")
    assert read_mask(only_sample(dataset).mask)[20, 40] == 2


def test_equal_base_names_in_two_folders(tmp_path):
    for number, folder in enumerate("ab"):
        write_labelme(tmp_path, f"{folder}/0", [(CAT, DOG)[number]], seed=number)
    write_lists(tmp_path, ["a/0"], ["b/0"])
    report, dataset = converted(tmp_path)
    assert [found.code for found in report.plan.findings] == ["L203"]
    (train,), (val,) = dataset.train, dataset.val
    assert (train.image.read_bytes(), val.image.read_bytes()) == (image_bytes(0), image_bytes(1))
    assert (read_mask(train.mask)[10, 10], read_mask(val.mask)[20, 40]) == (1, 2)
    assert convert_dataset(convert_config(tmp_path)).changes == ()


def test_equal_base_names_of_embedded_images(tmp_path):
    for number, folder in enumerate("ab"):
        write_labelme(tmp_path, f"{folder}/0", [CAT], image=None, embedded=True, seed=number)
    _, dataset = converted(tmp_path)
    contents = {sample.image.read_bytes() for sample in (*dataset.train, *dataset.val)}
    assert contents == {image_bytes(0), image_bytes(1)}
    assert convert_dataset(convert_config(tmp_path)).changes == ()


def test_a_image_that_stays_keeps_its_name(tmp_path):
    write_labelme(tmp_path, "a", [CAT], seed=1)
    write_labelme(tmp_path, "b", [DOG], image="images/a.png", seed=2, imagePath="images/a.png")
    _, dataset = converted(tmp_path)
    ids = {sample.image.read_bytes(): int(read_mask(sample.mask).max()) for sample in (*dataset.train, *dataset.val)}
    assert ids == {image_bytes(1): 1, image_bytes(2): 2}
    assert (tmp_path / "images/a.png").read_bytes() == image_bytes(2)


def test_without_lists_a_fifth_is_for_validation(tmp_path):
    for number in range(10):
        write_labelme(tmp_path, f"p{number}", [CAT], seed=number)
    plan = plan_conversion(convert_config(tmp_path))
    assert [len(plan.samples(split)) for split in Split] == [8, 2]
    assert plan == plan_conversion(convert_config(tmp_path))


def test_one_list_says_which_files_are_taken(tmp_path):
    for number in range(11):
        write_labelme(tmp_path, f"p{number}", [CAT], seed=number)
    (tmp_path / "train_anno_list.txt").write_text("".join(f"p{number}.json\n\n" for number in range(10)))
    plan = plan_conversion(convert_config(tmp_path))
    assert [len(plan.samples(split)) for split in Split] == [8, 2]
    assert {found.code for found in plan.findings} == {"L003", "L212"}  # the same shape in all: near one corner


def test_planning_writes_nothing_and_says_what_would_be(tmp_path):
    write_labelme(tmp_path, "a", [CAT])
    before = snapshot(tmp_path, without="")
    plan = plan_conversion(convert_config(tmp_path))
    assert dict(plan.summary())["classes"] == "_background_, cat"
    assert snapshot(tmp_path, without="") == before
    assert dict(apply_conversion(plan).summary())["masks"] == "1"


def test_repeated_conversion_after_a_change_keeps_every_backup(tmp_path):
    for label in ("cat", "dog", "cow"):
        write_labelme(tmp_path, "a", [box(label, 4, 4, 20, 20)])
        report, _ = converted(tmp_path)
    assert report.backups == ["class_name.txt.bak.1", "class_name_to_id.txt.bak.1"]
    names = [(tmp_path / f"class_name.txt{suffix}").read_text() for suffix in ("", ".bak.1", ".bak")]
    assert names == ["cow\n", "dog\n", "cat\n"]


def test_blanks_in_names(tmp_path):
    write_labelme(tmp_path, "a b", [CAT])
    assert only_sample(converted(tmp_path)[1]).image.name == "a b.png"


def test_converted_data_pass_the_check(tmp_path):
    for number in range(5):
        write_labelme(tmp_path, f"p{number}", [CAT, DOG], seed=number)
    settings = convert_config(tmp_path, enable=True, src_dataset_type="LabelMe")
    result = check_dataset(settings)
    assert result.valid, result.findings
    assert result.as_dict()["conversion"]["masks"] == 5
