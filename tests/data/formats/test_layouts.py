"""Layouts of other tools are read as they come."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from segcli.data.formats import coco_layout
from segcli.data.formats.instance_data import open_instance_dataset, scan_instances
from segcli.data.formats.masks import find_root, open_seg_dataset, scan_lists
from segcli.data.formats.voc_layout import voc_layout
from segcli.data.formats.yolo_format import read_yolo
from segcli.data.samples import Split
from segcli.errors import DatasetError
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from segcli.steps.convert.command import transfer_dataset
from tests.coco_folder import CocoFolder, make_coco_folder
from tests.seg_folder import make_seg_folder


def moved(folder: CocoFolder, part: str, target: str, images: str) -> None:
    """Puts the file of a part, and its images, elsewhere."""
    path = folder.root / target
    path.parent.mkdir(parents=True, exist_ok=True)
    folder.file(part).rename(path)
    (folder.root / images).mkdir(parents=True, exist_ok=True)
    for entry in folder.parts[part]["images"]:
        name = Path(entry["file_name"]).name
        (folder.root / "images" / name).rename(folder.root / images / name)


def coco_2017(folder: CocoFolder) -> None:
    for part in ("train", "val"):
        moved(folder, part, f"annotations/instances_{part}2017.json", f"{part}2017")
    (folder.root / "annotations/captions_train2017.json").write_text('{"images": [], "annotations": []}')


def roboflow(folder: CocoFolder) -> None:
    for part, name in (("train", "train"), ("val", "valid")):
        moved(folder, part, f"{name}/_annotations.coco.json", name)


def plain_names(folder: CocoFolder) -> None:
    for part in ("train", "val"):
        moved(folder, part, f"{part}.json", "images")


def joined(folder: CocoFolder) -> dict[str, list[dict[str, object]]]:
    """Both parts in one document, as tools without parts write it."""
    train, val = folder.parts["train"], folder.parts["val"]
    shift = 100
    for entry in val["images"]:
        entry["id"] += shift
    for entry in val["annotations"]:
        entry["id"] += shift
        entry["image_id"] += shift
    shutil.rmtree(folder.root / "annotations")
    lists = ("images", "annotations")
    return {key: train[key] + val[key] for key in lists} | {"categories": train["categories"]}


def cvat(folder: CocoFolder) -> None:
    content = joined(folder)
    (folder.root / "annotations").mkdir()
    (folder.root / "annotations/instances_default.json").write_text(json.dumps(content))


def label_studio(folder: CocoFolder) -> None:
    content = joined(folder)
    for number, entry in enumerate(content["images"]):
        entry["file_name"] = f"..\\\\media\\\\upload\\\\1\\\\{number:08x}-{entry['file_name']}"
    (folder.root / "result.json").write_text(json.dumps(content))


def labelme2coco(folder: CocoFolder) -> None:
    (folder.root / "trainval.json").write_text(json.dumps(joined(folder)))


@pytest.mark.parametrize("layout", [coco_2017, roboflow, plain_names])
def test_layouts_of_two_files(tmp_path: Path, layout: Callable[[CocoFolder], None]):
    folder = make_coco_folder(tmp_path / "data")
    expected = scan_instances(folder.root)
    layout(folder)
    found = scan_instances(folder.root)
    assert [fault.code for fault in found.findings] == ["C108"]
    for split in Split:
        one, other = expected.dataset.samples(split), found.dataset.samples(split)
        assert [sample.objects for sample in one] == [sample.objects for sample in other]
        assert all(sample.image.is_file() for sample in other)
    assert found.counts == expected.counts
    assert not {
        fault.severity.value for fault in examine_coco_dataset(folder.root, settings=PassSettings(workers=1)).findings
    } - {"info"}


@pytest.mark.parametrize("layout", [cvat, label_studio, labelme2coco])
def test_one_file_is_divided_the_same_way_every_time(tmp_path: Path, layout: Callable[[CocoFolder], None]):
    folder = make_coco_folder(tmp_path / "data", train=7, val=3)
    layout(folder)
    found = scan_instances(folder.root)
    assert {fault.code for fault in found.findings} <= {"C108", "C163", "C167"}  # all images have the same outlines
    assert (len(found.dataset.train), len(found.dataset.val)) == (8, 2)
    assert (found.counts[Split.TRAIN].annotations, found.counts[Split.VAL].annotations) == (16, 4)
    assert scan_instances(folder.root).dataset == found.dataset
    assert open_instance_dataset(folder.root) == found.dataset


def test_hashes_folders_and_backslashes_before_a_name_are_seen_through(tmp_path: Path):
    folder = make_coco_folder(tmp_path / "data")
    label_studio(folder)
    (finding,) = (fault for fault in scan_instances(folder.root).findings if fault.code == "C163")
    assert "00000000-a0.png is images/a0.png" in finding.message


def test_composed_and_decomposed_names_are_one(tmp_path: Path):
    folder = make_coco_folder(tmp_path / "data")
    folder.image("a0").rename(folder.root / "images" / normalize("NFD", "\u00e9t\u00e9.png"))
    folder.parts["train"]["images"][0]["file_name"] = normalize("NFC", "\u00e9t\u00e9.png")
    folder.write()
    found = scan_instances(folder.root)
    assert [fault.code for fault in found.findings] == ["C163"]
    assert found.dataset.train[0].image.is_file()


def test_two_files_that_are_as_near_are_not_guessed_between(tmp_path: Path):
    folder = make_coco_folder(tmp_path / "data")
    data = folder.image("a0").read_bytes()
    folder.image("a0").unlink()
    (folder.root / "images/A0.png").write_bytes(data)
    (folder.root / "images/A0.PNG").write_bytes(data)
    assert "C111" in {fault.code for fault in scan_instances(folder.root).findings}


def test_ids_as_text_and_decimals_are_numbers(tmp_path: Path):
    folder = make_coco_folder(tmp_path / "data")
    expected = scan_instances(folder.root).dataset
    for content in folder.parts.values():
        for entry in content["images"]:
            entry["id"] = str(entry["id"])
        for entry in content["annotations"]:
            entry.update(image_id=float(entry["image_id"]), category_id=str(entry["category_id"]), id=str(entry["id"]))
    folder.write()
    found = scan_instances(folder.root)
    assert {fault.code for fault in found.findings} == {"C164"}
    assert found.dataset == expected


def test_a_category_0_of_the_same_name_costs_no_object(tmp_path: Path):
    folder = make_coco_folder(tmp_path / "data")
    for content in folder.parts.values():
        content["categories"].insert(0, {"id": 0, "name": "dog", "supercategory": "none"})
    folder.write()
    found = scan_instances(folder.root)
    assert [fault.code for fault in found.findings] == ["C140", "C140"]
    assert "has no object and the name of category 7" in found.findings[0].message
    assert found.dataset.classes.names == ("кот", "dog")
    assert all(len(sample.objects) == 2 for sample in found.dataset.train)


def test_several_files_of_one_part_are_not_guessed_between(tmp_path: Path):
    folder = make_coco_folder(tmp_path / "data")
    coco_2017(folder)
    shutil.copy(folder.root / "annotations/instances_train2017.json", folder.root / "annotations/instances_train.json")
    with pytest.raises(DatasetError, match="several files may hold the train part"):
        scan_instances(folder.root)


def test_yolo_is_checked_and_opened_as_it_is(tmp_path: Path):
    folder = make_coco_folder(tmp_path / "data")
    transfer_dataset(folder.root, tmp_path / "yolo", "yolo")
    dataset = open_instance_dataset(tmp_path / "yolo")
    assert (dataset.classes.names, len(dataset.train), len(dataset.val)) == (("кот", "dog"), 3, 2)
    boxes = [value.box for value in dataset.train[0].objects]
    assert np.array(boxes) == pytest.approx(np.array([(4, 4, 20, 12), (30, 20, 25, 22)]), abs=1e-5)
    assert examine_coco_dataset(tmp_path / "yolo", settings=PassSettings(workers=1)).findings == ()


def test_roboflows_yolo_with_paths_that_are_elsewhere(tmp_path: Path):
    folder = make_coco_folder(tmp_path / "data")
    transfer_dataset(folder.root, tmp_path / "yolo", "yolo")
    root = tmp_path / "roboflow"
    for part, name in (("train", "train"), ("val", "valid")):
        for kind in ("images", "labels"):
            shutil.copytree(tmp_path / "yolo" / kind / part, root / name / kind)
    (root / "data.yaml").write_text("train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['a', 'b']\n")
    dataset = open_instance_dataset(root)
    assert (dataset.classes.names, len(dataset.train), len(dataset.val)) == (("a", "b"), 3, 2)
    assert all(len(sample.objects) == 2 for sample in dataset.train)


@pytest.mark.parametrize("opener", [open_instance_dataset, open_seg_dataset])
def test_voc_is_opened_by_both_tasks(tmp_path: Path, opener):
    folder = make_coco_folder(tmp_path / "data")
    transfer_dataset(folder.root, tmp_path / "voc", "voc")
    dataset = opener(tmp_path / "voc")
    assert (len(dataset.train), len(dataset.val)) == (3, 2)
    assert dataset.classes.names[-2:] == ("кот", "dog")


@pytest.mark.parametrize("paths", [("train.txt", "val.txt"), ("images/train", "./images/train")])
def test_the_same_yolo_images_in_both_splits_are_no_missing_folders(tmp_path: Path, paths: tuple[str, str]):
    folder = make_coco_folder(tmp_path / "data")
    transfer_dataset(folder.root, tmp_path / "yolo", "yolo")
    root = tmp_path / "yolo"
    images = "".join(f"./{path.relative_to(root).as_posix()}\n" for path in sorted(root.glob("images/*/*")))
    for name in ("train.txt", "val.txt"):
        (root / name).write_text(images)
    (root / "data.yaml").write_text("train: {}\nval: {}\nnames: [кот, dog]\n".format(*paths))
    codes = {one.code for one in read_yolo(root).findings}
    assert "Y003" in codes and "Y006" not in codes


def test_voc_lists_may_name_image_files(tmp_path: Path):
    folder = make_coco_folder(tmp_path / "data")
    transfer_dataset(folder.root, tmp_path / "voc", "voc")
    lists = tmp_path / "voc/ImageSets/Segmentation"
    names = "".join((lists / f"{part}.txt").read_text() for part in ("train", "val")).split()
    for path in lists.iterdir():
        path.unlink()
    (lists / "trainval.txt").write_text("".join(f"{name}.jpg\n" for name in names))
    layout = voc_layout(tmp_path / "voc")
    assert [sample.class_map.is_file() for sample in layout.samples] == [True] * 5


def test_categories_that_look_alike_are_each_reported(tmp_path: Path):
    folder = make_coco_folder(tmp_path / "data")
    folder.parts["train"]["categories"] += [{"id": 8, "name": "Car"}, {"id": 9, "name": "car"}]
    folder.write()
    found = examine_coco_dataset(folder.root).findings
    messages = [one.message for one in found if one.code == "C143"]
    assert len(messages) == 2 and "'Car'" in messages[0] and "'car'" in messages[1]


def test_images_and_masks_without_lists_are_paired_and_split(tmp_path: Path):
    folder = make_seg_folder(tmp_path / "data", train=8, val=2)
    for part in ("train", "val"):
        (folder.root / f"{part}.txt").unlink()
    seen = examine_seg_dataset(folder.root, settings=PassSettings(workers=1))
    assert [fault.code for fault in seen.findings] == ["S004"]
    assert (len(seen.dataset.train), len(seen.dataset.val)) == (8, 2)
    assert all(sample.image.stem == sample.mask.stem for sample in seen.dataset.train)


def test_a_dataset_for_another_task_is_named_as_what_it_is(tmp_path: Path):
    coco, masks = make_coco_folder(tmp_path / "coco"), make_seg_folder(tmp_path / "masks")
    with pytest.raises(DatasetError, match=r"holds COCO data \(annotations/instance_train.json") as caught:
        open_seg_dataset(coco.root)
    assert caught.value.hint == f"choose an instance model, or segcli convert {coco.root} NEW_FOLDER --to masks"
    with pytest.raises(DatasetError, match="holds images with masks, for semantic segmentation") as caught:
        open_instance_dataset(masks.root)
    assert caught.value.hint == f"choose a semantic model, or segcli convert {masks.root} NEW_FOLDER --to coco"


def paired_folders(root: Path, images: str, masks: str) -> None:
    """Two folders per split, and one image more without a mask."""
    made = make_seg_folder(root.with_name("made"), train=4, val=2)
    for number in range(6):
        split = "train" if number < 4 else "val"
        for pattern, source in ((images, made.image(f"a{number}")), (masks, made.mask(f"a{number}"))):
            target = root / pattern.format(split) / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    shutil.copy(made.image("a0"), root / images.format("val") / "alone.jpg")


@pytest.mark.parametrize(
    ("images", "masks"),
    [("{}/images", "{}/masks"), ("img_dir/{}", "ann_dir/{}"), ("Images/{}", "Masks/{}"), ("images/{}", "labels/{}")],
)
def test_folders_of_splits_are_the_splits(tmp_path, images, masks):
    root = tmp_path / "data"
    paired_folders(root, images, masks)
    lists = scan_lists(find_root(root))
    assert [len(part) for part in (lists.train, lists.val)] == [4, 2]
    assert {sample.image.parent.name for sample in lists.val} <= {"val", "images"}
    assert [found.code for found in lists.findings] == ["S004", "S005"]
    assert "alone.jpg" in lists.findings[1].message


def test_images_of_a_test_need_no_masks(tmp_path):
    paired_folders(tmp_path / "data", "images/{}", "masks/{}")
    (tmp_path / "data" / "images" / "test").mkdir()
    (tmp_path / "data" / "images" / "val" / "alone.jpg").rename(tmp_path / "data" / "images" / "test" / "t.jpg")
    assert [found.code for found in scan_lists(tmp_path / "data").findings] == ["S004"]


def test_folders_of_splits_below_the_dataset_are_found(tmp_path):
    paired_folders(tmp_path / "data", "{}/images", "{}/masks")
    (tmp_path / "given").mkdir()
    (tmp_path / "data").rename(tmp_path / "given" / "data")
    assert find_root(tmp_path / "given") == tmp_path / "given" / "data"


def test_hidden_folders_are_no_data(tmp_path):
    paired_folders(tmp_path / "data", "images", "masks")
    hidden = tmp_path / "data" / "images" / ".ipynb_checkpoints"
    hidden.mkdir()
    shutil.copy(tmp_path / "data" / "images" / "a0.jpg", hidden / "a0-checkpoint.jpg")
    assert not any("checkpoint" in found.message for found in scan_lists(tmp_path / "data").findings)


def test_the_files_of_a_dataset_are_looked_for_once(tmp_path, monkeypatch):
    folder = make_coco_folder(tmp_path)
    looked, find = [], coco_layout._annotation_files
    monkeypatch.setattr(
        coco_layout, "_annotation_files", lambda below, depth=0: looked.append((below, depth)) or find(below, depth)
    )
    scan_instances(folder.root)
    assert looked.count((folder.root, 0)) == 1
