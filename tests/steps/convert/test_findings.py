"""One fault in a LabelMe dataset gives exactly its code, and nothing is written."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from segcli.errors import ConfigError, DatasetError, UsageError
from segcli.findings import Severity
from segcli.rules import RULES
from segcli.steps.convert.command import convert_dataset, plan_conversion
from tests.files import snapshot
from tests.labelme_folder import box, convert_config, image_bytes, mask_text, shape, write_labelme, write_lists

CAT = box("cat", 4, 4, 20, 20)


def no_files(root):
    for path in root.glob("*.json"):
        path.unlink()


def listed_but_missing(root):
    write_lists(root, ["a", "gone"], ["b"])


def unlisted(root):
    write_labelme(root, "c", [CAT])
    write_lists(root, ["a"], ["b"])


def in_both_lists(root):
    write_lists(root, ["a", "b"], ["b"])


def another_json(root):
    (root / "package.json").write_text("{}")


def nothing_listed(root):
    write_lists(root, [], [])
    for name in "ab":
        (root / f"{name}.json").unlink()


def no_json(root):
    (root / "a.json").write_text("{")


def no_labelme(root):
    write_lists(root, ["a"], ["b"])
    (root / "a.json").write_text("{}")


def legacy_encoding(root):
    path = write_labelme(root, "a", [box("中文", 1, 1, 9, 9)])
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))


def with_shape(entry):
    return lambda root: write_labelme(root, "a", [CAT, entry])


def no_shapes(root):
    write_labelme(root, "a", [])


def damaged_embedded(root):
    data = base64.b64encode(image_bytes()[:200]).decode()
    write_labelme(root, "c", [CAT], image=None, imageData=data)


def no_base64(root):
    write_labelme(root, "c", [CAT], image=None, imageData="a")


def no_image(root):
    (root / "a.png").unlink()


def damaged_image(root):
    (root / "a.png").write_bytes(b"no image")


def same_name(root):
    write_labelme(root, "deep/a", [CAT], seed=7)


def one_image_twice(root):
    write_labelme(root, "c", [CAT], image=None, imagePath="a.png")


def another_size(root):
    write_labelme(root, "a", [CAT], imageWidth=1280, imageHeight=900)


def unknown_label(root):
    (root / "label.txt").write_text("dog\n")


def many_classes(root):
    places = [(number % 16 * 3, number // 16 * 2) for number in range(255)]
    write_labelme(root, "a", [box(f"class {number}", x, y, x + 5, y + 5) for number, (x, y) in enumerate(places)])


FAULTS = [
    ("L001", no_files),
    ("L002", listed_but_missing),
    ("L003", unlisted),
    ("L004", in_both_lists),
    ("L001", nothing_listed),
    ("L005", another_json),
    ("L101", no_json),
    ("L102", no_labelme),
    ("L103", with_shape(shape("cat", (1, 1), (2, 2)))),
    ("L104", with_shape({"label": "cat", "points": 3})),
    ("L105", with_shape(box("", 1, 1, 9, 9))),
    ("L106", with_shape(shape("cat", (1, 1), kind="star"))),
    ("L107", with_shape(shape("cat", (1, 1), kind="mask"))),
    ("L107", damaged_embedded),
    ("L107", no_base64),
    ("L108", with_shape(box("cat", 70, 5, 90, 30))),
    ("L108", with_shape(shape("cat", (-30, 20), (-20, 20), kind="circle"))),
    ("L109", no_shapes),
    ("L110", with_shape(shape("cat", (1, 1), kind="mask", mask=mask_text(np.zeros((3, 3)))))),
    ("L111", legacy_encoding),
    ("L201", no_image),
    ("L202", damaged_image),
    ("L203", same_name),
    ("L204", one_image_twice),
    ("L205", another_size),
    ("L301", with_shape(box("Cat", 1, 1, 9, 9))),
    ("L302", unknown_label),
    ("L304", many_classes),
]


@pytest.fixture
def root(tmp_path):
    write_labelme(tmp_path, "a", [CAT], seed=1)
    write_labelme(tmp_path, "b", [CAT], seed=2)
    return tmp_path


def codes(root, model="PP-LiteSeg-T"):
    return [found.code for found in plan_conversion(convert_config(root, model)).findings]


def test_a_sound_dataset_has_no_findings(root):
    assert codes(root) == []


@pytest.mark.parametrize(("code", "spoil"), FAULTS, ids=[f"{code}-{number}" for number, (code, _) in enumerate(FAULTS)])
def test_one_fault_one_code(root, code, spoil):
    spoil(root)
    before = snapshot(root, without="")
    plan = plan_conversion(convert_config(root))
    assert [found.code for found in plan.findings] == [code]
    if RULES[code].severity is Severity.ERROR:
        with pytest.raises(DatasetError, match=code) as caught:
            convert_dataset(convert_config(root))
        assert [found.code for found in caught.value.findings] == [code]
        assert snapshot(root, without="") == before
        assert dict(plan.summary())["faults"] == code
    else:
        assert convert_dataset(convert_config(root)).changes


def test_what_is_no_object(root):
    write_labelme(root, "a", [CAT, box("__ignore__", 1, 1, 9, 9), box("_background_", 1, 1, 9, 9)])
    assert codes(root) == []
    plan = plan_conversion(convert_config(root, "SOLOv2"))
    assert [(found.code, found.message) for found in plan.findings] == [
        ("L303", "holds 1 __ignore__ and 1 _background_")
    ]


def test_shapes_that_reach_over_the_border_are_fine(root):
    write_labelme(root, "a", [box("cat", -10, -10, 200, 200), shape("cat", (-3, 5), (9, 5), kind="circle")])
    assert codes(root) == []


def test_every_fault_of_every_file_is_listed(root):
    no_json(root)
    (root / "b.png").unlink()
    in_both_lists(root)
    assert codes(root) == ["L004", "L101", "L201"]


def test_many_labels_are_no_fault_of_instance_data(root):
    many_classes(root)
    assert codes(root, "SOLOv2") == []


@pytest.mark.parametrize("folder", [None, "absent"])
def test_no_folder(tmp_path, folder):
    config = convert_config(tmp_path / "absent")
    if folder is None:
        config = config.model_copy(update={"Global": config.Global.model_copy(update={"dataset_dir": None})})
    kind, words = (ConfigError, "no dataset was given") if folder is None else (UsageError, "there is no such folder")
    with pytest.raises(kind, match=words):
        plan_conversion(config)
