"""Every finding of the COCO check is made by the fault that it is for, and by nothing else."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

from segcli.data import rle
from segcli.errors import DatasetError
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.settings import PassSettings
from tests.coco_folder import HEIGHT, WIDTH, annotation, make_coco_folder, rectangle
from tests.image_files import photo

LABELS = "annotations/instance_train.json"


@pytest.fixture
def folder(tmp_path):
    return make_coco_folder(tmp_path / "data")


def found(folder, num_classes=None):
    folder.write()
    return examine_coco_dataset(folder.root, num_classes, settings=PassSettings(workers=2)).findings


def test_a_whole_dataset_has_no_findings(folder):
    assert found(folder, 2) == ()


def raised(tmp_path):
    with pytest.raises(DatasetError) as caught:
        examine_coco_dataset(tmp_path)
    return [fault.code for fault in caught.value.findings]


def test_c101_no_dataset(tmp_path):
    assert raised(tmp_path) == ["C101"]


def test_c102_two_datasets(folder, tmp_path):
    shutil.copytree(folder.root, tmp_path / "copy")
    assert raised(tmp_path) == ["C102"]


def test_c103_file_missing(folder):
    folder.parts.pop("val")
    folder.file("val").unlink()
    assert [fault.code for fault in found(folder)] == ["C103"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not valid JSON"), ("[1]", "holds a list"), ('{"images": {}, "annotations": []}', "no list 'images'")],
)
def test_c104_file_unreadable(folder, text, message):
    folder.parts.pop("train")
    folder.file("train").write_text(text)
    fault = next(fault for fault in found(folder) if fault.code == "C104")
    assert message in fault.message
    assert fault.path == LABELS


def change(**values):
    return lambda folder: folder.entry("train").update(values)


def drop(key):
    return lambda folder: folder.entry("train").pop(key)


def edit_image(**values):
    return lambda folder: folder.parts["train"]["images"][0].update(values)


def outline(*points):
    """An object of its own with this polygon and the box around it."""
    xs, ys = points[0::2], points[1::2]
    box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    return change(segmentation=[list(points)], bbox=box)


def no_images(folder):
    folder.parts["val"].update(images=[], annotations=[])


def no_objects(folder):
    folder.parts["val"]["annotations"] = []


def without_objects(folder):
    folder.parts["train"]["annotations"] = folder.parts["train"]["annotations"][2:]


def cut_off(folder):
    data = folder.image("a0").read_bytes()
    folder.image("a0").write_bytes(data[: len(data) // 2])


def other_size(folder):
    cv2.imwrite(str(folder.image("a0")), photo(HEIGHT, WIDTH + 2))


def second_entry(**values):
    def run(folder):
        first = folder.parts["train"]["images"][0]
        folder.parts["train"]["images"].append({**first, **values})

    return run


def odd_suffix(folder):
    folder.image("a0").rename(folder.root / "images" / "a0.data")
    edit_image(file_name="a0.data")(folder)


def category(part, index, **values):
    return lambda folder: folder.parts[part]["categories"][index].update(values)


def add_category(id_, name, *parts):
    def run(folder):
        for part in parts:
            folder.parts[part]["categories"].append({"id": id_, "name": name})

    return run


def only_in_train(folder):
    annotations = folder.parts["val"]["annotations"]
    folder.parts["val"]["annotations"] = [entry for entry in annotations if entry["category_id"] == 3]


def copy_of(source, target):
    return lambda folder: shutil.copy(folder.image(source), folder.image(target))


def renumbered(folder):
    folder.parts["val"]["categories"][1]["id"] = 8
    for entry in folder.parts["val"]["annotations"]:
        entry["category_id"] = 8 if entry["category_id"] == 7 else entry["category_id"]


DAMAGED = {"size": [HEIGHT, WIDTH], "counts": [5, 5]}
EMPTY = rle.empty(HEIGHT, WIDTH)
OTHER_SIZE = rle.encode(np.ones((10, 10), np.uint8))
BOW = (5, 5, 25, 25, 25, 5, 5, 25)

CASES = [
    ("C105", no_images, "no image is listed", None),
    ("C106", no_objects, "no object", None),
    ("C107", lambda folder: folder.parts["train"]["annotations"].append(5), "is a int", "annotations[6]"),
    ("C107", drop("image_id"), "lacks image_id", "annotations[0]"),
    ("C107", edit_image(id="one"), "not a whole number", "images[0]"),
    ("C111", lambda folder: folder.image("a0").unlink(), "no such file", f"{LABELS} image id 0"),
    ("C112", lambda folder: folder.image("a0").write_bytes(b"text"), "no image", f"{LABELS} image id 0"),
    ("C113", cut_off, "ends before", f"{LABELS} image id 0"),
    ("C114", other_size, "64 x 48 px are annotated, the file has 66 x 48 px", f"{LABELS} image id 0"),
    ("C115", second_entry(file_name="a1.png"), "image id 0 is also that of a0.png", "images[3]"),
    ("C116", second_entry(id=50), "a0.png is also image id 0", "image id 50"),
    ("C117", without_objects, "no annotation", f"{LABELS} image id 0"),
    ("C118", odd_suffix, "suffix .data, content PNG", f"{LABELS} image id 0"),
    ("C119", edit_image(width=None), "width is None", f"{LABELS} image id 0"),
    ("C121", change(bbox=[-6, 4, 30, 12]), "6.0 px over", "annotation 1"),
    ("C122", change(bbox=[4, 4, 0, 12]), "no area", "annotation 1"),
    ("C122", change(bbox=[70, 4, 20, 12]), "outside", "annotation 1"),
    ("C122", change(bbox=[4, 4, 20]), "not [left, top, width, height]", "annotation 1"),
    ("C123", drop("bbox"), "bbox is missing", "annotation 1"),
    ("C124", change(segmentation=[[4, 4, 24, 16]]), "polygon 1 of 1 has 2 points", "annotation 1"),
    ("C125", change(segmentation=[[4, 4, 24, 4, 24, 16, 4]]), "7 coordinates, an odd number", "annotation 1"),
    ("C125", change(segmentation=rectangle(4, 4, 20, 12)), "one list of numbers", "annotation 1"),
    ("C125", change(segmentation=[[4, 4, "a", 4, 24, 16]]), "no numbers", "annotation 1"),
    ("C125", change(segmentation=[[4, 4, float("nan"), 4, 24, 16]]), "no numbers", "annotation 1"),
    ("C125", change(segmentation="mask.png"), "is a str", "annotation 1"),
    ("C126", outline(*BOW, 2, 25, 2, 5), "cross at x 15.0, y 15.0", "annotation 1"),
    ("C127", change(segmentation=[]), "segmentation is empty", "annotation 1"),
    ("C127", drop("segmentation"), "segmentation is missing", "annotation 1"),
    ("C127", change(segmentation=EMPTY), "holds no pixel", "annotation 1"),
    ("C128", change(segmentation=DAMAGED), "add up to 10 pixels", "annotation 1"),
    ("C128", change(segmentation=OTHER_SIZE), "is 10 x 10 px, the image 64 x 48 px", "annotation 1"),
    ("C129", outline(5, 5, 7, 5, 7, 6.5, 5, 6.5), "encloses 3 px", "annotation 1"),
    ("C130", drop("area"), "area is missing", "annotation 1"),
    ("C130", change(area=0), "area is 0", "annotation 1"),
    ("C131", change(image_id=99), "no image with id 99", "annotation 1"),
    ("C132", change(category_id=99), "no category with id 99", "annotation 1"),
    ("C133", change(id=2), "given before", "annotation 2"),
    ("C134", change(bbox=[4, 4, 24, 40]), "[4, 4, 20, 12]", "annotation 1"),
    ("C141", add_category(3, "third", "train", "val"), "belongs to 'кот' and to 'third'", "categories[2]"),
    ("C142", add_category(9, "dog", "train", "val"), "same name 'dog'", "categories[2]"),
    ("C143", add_category(9, "third", "val"), "'third' is not in", None),
    ("C143", add_category(9, "third", "train"), "'third' of", None),
    ("C144", renumbered, "has id 8 here and 7", None),
    ("C145", add_category(9, "third", "train", "val"), "'third' has no object", "category 9"),
    ("C146", only_in_train, "'dog' is only in train", None),
    ("C151", copy_of("a0", "a4"), "same bytes as images/a0.png", "annotations/instance_val.json image id 1"),
    ("C152", copy_of("a0", "a1"), "same bytes as images/a0.png", f"{LABELS} image id 1"),
]

# what follows from a fault and is said too
CONSEQUENCES = {
    "C103": {"C105", "C106"},
    "C105": {"C106"},
    "C106": {"C117"},
    "C107": {"C131"},
    "C115": set(),
    "C116": {"C117", "C152"},
    "C129": {"C138"},
    "C143": {"C145"},
}


@pytest.mark.parametrize(
    ("code", "damage", "message", "location"),
    CASES,
    ids=[f"{code}-{number}" for number, (code, *_) in enumerate(CASES)],
)
def test_each_fault_gives_its_finding(folder, code, damage, message, location):
    damage(folder)
    findings = found(folder)
    own = [fault for fault in findings if fault.code == code]
    assert own, findings
    assert any(message in fault.message for fault in own), own
    assert location is None or location in {fault.location for fault in own}
    assert all(fault.hint for fault in own)
    assert {fault.code for fault in findings} <= {code} | CONSEQUENCES.get(code, set())


def test_c147_number_of_classes(folder):
    (fault,) = found(folder, 5)
    assert fault.code == "C147"
    assert "2 categories are listed, Train.num_classes is 5" in fault.message


def test_a_box_written_as_corners_is_recognised(folder):
    folder.entry("train", 1)["bbox"] = [30, 20, 55, 42]
    (fault, *others) = [fault for fault in found(folder) if fault.code == "C134"]
    assert not others
    assert "written as [left, top, right, bottom]" in fault.message


def test_a_turned_image_is_explained(folder):
    from PIL import Image

    rgb = Image.fromarray(photo(HEIGHT, WIDTH))
    exif = rgb.getexif()
    exif[0x0112] = 6
    rgb.save(folder.image("a0").with_suffix(".jpg"), exif=exif)
    folder.image("a0").unlink()
    edit_image(file_name="a0.jpg")(folder)
    (fault,) = found(folder)
    assert fault.code == "C114"
    assert "EXIF orientation 6" in (fault.hint or "")


def test_every_object_of_every_image_is_looked_at(tmp_path):
    folder = make_coco_folder(tmp_path / "data", train=30)
    folder.entry("train", 57)["segmentation"] = [[1, 1, 5, 5]]
    folder.image("a27").write_bytes(b"")
    folder.parts["train"]["annotations"].append(annotation(900, 29, 3, [70, 70, 5, 5]))
    codes = {(fault.code, fault.location) for fault in found(folder)}
    assert codes >= {("C124", "annotation 58"), ("C112", f"{LABELS} image id 27"), ("C139", "annotation 900")}
