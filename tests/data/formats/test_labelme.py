"""LabelMe files are read however they were written, and each fault is named once."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.labelme import read_labelme
from segcli.data.formats.masks import open_seg_dataset
from segcli.errors import DatasetError, InputError
from tests.labelme_folder import box, mask_text, shape, write_labelme

TRIANGLE = ((1, 2), (30, 2.5), (20, 30))


def read(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_labelme(path, "a.json")


def read_shape(tmp_path, entry):
    annotation, findings = read(tmp_path, {"shapes": [entry]})
    return annotation.shapes, [(found.code, found.location) for found in findings]


def test_a_shape_keeps_what_it_was_drawn_with(tmp_path):
    (read_back,), findings = read_shape(tmp_path, shape(" cat ", *TRIANGLE, group_id=3))
    assert findings == []
    assert (read_back.number, read_back.label, read_back.kind) == (0, "cat", "polygon")
    assert read_back.points == ((1.0, 2.0), (30.0, 2.5), (20.0, 30.0))
    assert read_back.group_id == 3


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"label": "a", "points": TRIANGLE}, "polygon"),
        ({"label": "a", "points": TRIANGLE, "shape_type": None}, "polygon"),
        (shape("a", *TRIANGLE, kind="points"), "point"),
        (shape("a", (1, 1), (9, 9), kind="rectangle"), "rectangle"),
        (shape("a", (1, 1), (9, 1), (9, 9), (1, 9), kind="rectangle"), "polygon"),
        (shape("a", (1, 1), (9, 1), (9, 9), (1, 9), kind="oriented_rectangle"), "polygon"),
        (shape("a", (1, 1), (9, 9), kind="circle"), "circle"),
        (shape("a", (1, 1), (9, 9), kind="line"), "line"),
        (shape("a", *TRIANGLE, kind="linestrip"), "linestrip"),
        (shape("a", (1, 1), kind="point"), "point"),
        (shape("a", (1, 1), (3, 3), kind="mask", mask=mask_text(np.ones((3, 3)))), "mask"),
    ],
)
def test_kinds_of_shapes(tmp_path, entry, kind):
    (read_back,), findings = read_shape(tmp_path, entry)
    assert (read_back.kind, findings) == (kind, [])


@pytest.mark.parametrize(
    ("entry", "code", "place"),
    [
        (shape("a", (1, 1), (2, 2)), "L103", "shape 0 (a)"),
        (shape("a", (1, 1), kind="rectangle"), "L103", "shape 0 (a)"),
        (shape("a", (1, 1), kind="line"), "L103", "shape 0 (a)"),
        (shape("a", kind="point"), "L103", "shape 0 (a)"),
        ({"label": "a", "points": None}, "L104", "shape 0 (a)"),
        ({"label": "a", "points": [[1, 2, 3]] * 3}, "L104", "shape 0 (a)"),
        ({"label": "a", "points": [[1, float("nan")]] * 3}, "L104", "shape 0 (a)"),
        ({"label": "a", "points": [["x", "y"]] * 3}, "L104", "shape 0 (a)"),
        (shape("  ", *TRIANGLE), "L105", "shape 0"),
        ({"points": TRIANGLE}, "L105", "shape 0"),
        (shape("a", *TRIANGLE, kind="star"), "L106", "shape 0 (a)"),
        (shape("a", (1, 1), kind="mask"), "L107", "shape 0 (a)"),
        (shape("a", (1, 1), kind="mask", mask=base64.b64encode(b"no image").decode()), "L107", "shape 0 (a)"),
        (shape("a", (1, 1), kind="mask", mask="?"), "L107", "shape 0 (a)"),
        ("text", "L102", "shape 0"),
    ],
)
def test_a_faulty_shape_is_named_and_left_out(tmp_path, entry, code, place):
    assert read_shape(tmp_path, entry) == ((), [(code, place)])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "L101"),
        (b'{"shapes": "\xff\xff"}', "L101"),
        (b"[" * 100_000, "L101"),
        ([], "L102"),
        ({}, "L102"),
        ({"shapes": {}}, "L102"),
    ],
)
def test_what_is_no_labelme_file(tmp_path, content, code):
    annotation, findings = read(tmp_path, content)
    assert annotation is None
    assert [found.code for found in findings] == [code]


def test_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "a.json").mkdir()
    assert [found.code for found in read_labelme(tmp_path / "a.json", "a.json")[1]] == ["L101"]


def test_every_fault_of_a_file_is_found(tmp_path):
    entries = [shape("a"), shape("a", *TRIANGLE), shape("", *TRIANGLE), shape("b", *TRIANGLE, kind="star")]
    annotation, findings = read(tmp_path, {"shapes": entries})
    assert [found.code for found in findings] == ["L103", "L105", "L106"]
    assert [kept.number for kept in annotation.shapes] == [1]


def test_paths_of_windows_and_stated_sizes(tmp_path):
    annotation, _ = read(tmp_path, {"shapes": [], "imagePath": r"..\imgs\x.jpg", "imageWidth": 8, "imageHeight": 6})
    assert annotation.image_path.parts == ("..", "imgs", "x.jpg")
    assert annotation.stated_size == (8, 6)
    annotation, _ = read(tmp_path, {"shapes": [], "imageWidth": 8, "imageHeight": None})
    assert (annotation.image_path, annotation.stated_size) == (None, None)


def test_a_legacy_encoding_is_read_and_said(tmp_path):
    content = {"shapes": [shape("中文", *TRIANGLE)], "imageData": base64.b64encode(b"image").decode()}
    annotation, findings = read(tmp_path, json.dumps(content, ensure_ascii=False).encode("gbk"))
    assert [found.code for found in findings] == ["L111"]
    assert (annotation.shapes[0].label, annotation.image_data()) == ("中文", b"image")


def test_a_label_stays_on_one_line(tmp_path):
    (read_back,), _ = read_shape(tmp_path, shape("old\r\nhouse\n", *TRIANGLE))
    assert read_back.label == "old house"


def test_the_embedded_image_is_read_when_asked_for(tmp_path):
    annotation, _ = read(tmp_path, {"shapes": [], "imageData": base64.b64encode(b"image").decode()})
    assert annotation.has_image_data
    assert annotation.image_data() == b"image"
    annotation, findings = read(tmp_path, {"shapes": [], "imageData": "a"})
    assert findings == []
    with pytest.raises(InputError, match="not valid base64"):
        annotation.image_data()


@pytest.mark.parametrize(("opener", "task"), [(open_seg_dataset, "semantic"), (open_instance_dataset, "instance")])
def test_labelme_files_that_were_not_converted_are_recognised(tmp_path, opener, task):
    write_labelme(tmp_path, "annotations/a", [box("cat", 1, 1, 9, 9)], image="images/a.png")
    with pytest.raises(DatasetError, match="not converted yet") as caught:
        opener(tmp_path)
    assert [fault.code for fault in caught.value.findings] == ["L006"]
    assert caught.value.hint == f"segcli convert {tmp_path} --task {task}"


@pytest.mark.parametrize("size", [("192", "144"), (192.0, 144.0), (192, 144)])
def test_a_size_in_any_spelling_is_one(tmp_path, size):
    path = write_labelme(tmp_path, "a", [box("cat", 4, 6, 20, 30)], imageWidth=size[0], imageHeight=size[1])
    file, findings = read_labelme(path, "a.json")
    assert file.stated_size == (192, 144) and not findings
    for none in (None, 0, "wide", True, -3, float("inf")):
        path = write_labelme(tmp_path, "a", [box("cat", 4, 6, 20, 30)], imageWidth=none, imageHeight=size[1])
        assert read_labelme(path, "a.json")[0].stated_size is None
