"""Rules of YOLO and Pascal VOC data, and of conversions between formats."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segcli.data.formats.masks import scan_seg_dataset
from segcli.data.formats.voc_format import read_voc
from segcli.data.formats.yolo_format import read_yolo
from segcli.findings import Finding
from segcli.steps.check.instance import examine_coco_dataset
from segcli.steps.check.semantic import examine_seg_dataset
from segcli.steps.check.settings import PassSettings
from segcli.steps.convert.command import transfer_dataset
from tests.coco_folder import HEIGHT, WIDTH, CocoFolder, make_coco_folder
from tests.rules.replay import Change, Replay
from tests.seg_folder import SegFolder, make_seg_folder

LABELS = "labels/train/a0.txt"
CLASS_MAP = "SegmentationClass/a0.png"


def line(words: str) -> Change:
    """One more line in the first label file."""

    def run(root: Path) -> None:
        path = root / LABELS
        path.write_text(path.read_text() + words + "\n")

    return run


def edited(edit: Callable[[list[str]], list[str]]) -> Change:
    """Other words in every line of every label file."""

    def run(root: Path) -> None:
        for path in root.glob("labels/*/*.txt"):
            path.write_text("".join(" ".join(edit(line.split())) + "\n" for line in path.read_text().splitlines()))

    return run


def edited_px(factor: float) -> Change:
    """Coordinates in pixels, times a factor."""
    sides = (WIDTH, HEIGHT)
    return edited(
        lambda words: [words[0], *(str(factor * float(word) * sides[n % 2]) for n, word in enumerate(words[1:]))]
    )


def by_other_sides(words: list[str]) -> list[str]:
    """An outline to the right border, its x divided by the height and its y by the width of the image."""
    points = [(0.5, 0.2), (0.95, 0.2), (0.95, 0.8 - 0.3 * int(words[0]))]
    return [words[0], *(str(v) for x, y in points for v in (x * WIDTH / HEIGHT, y * HEIGHT / WIDTH))]


def described(words: str) -> Change:
    """More lines in data.yaml."""

    def run(root: Path) -> None:
        path = root / "data.yaml"
        path.write_text(path.read_text() + words)

    return run


def described_as(splits: str) -> Change:
    """Another data.yaml, with these splits."""
    return lambda root: (root / "data.yaml").write_text(f"{splits}names: [cat, dog]\n")


def named(*names: str) -> Change:
    splits = "train: images/train\nval: images/val\n"
    return lambda root: (root / "data.yaml").write_text(f"{splits}names: [{', '.join(names)}]\n")


def flat(train: str, val: str) -> Change:
    """All images and labels in one folder each, and these folders of the splits in data.yaml."""

    def run(root: Path) -> None:
        for kind in ("images", "labels"):
            for path in sorted(root.glob(f"{kind}/*/*")):
                path.rename(root / kind / path.name)
        splits = f"train: ../{train}/images\nval: ../{val}/images\n"
        (root / "data.yaml").write_text(f"{splits}names: [cat, dog]\n")

    return run


def via_project(root: Path) -> None:
    """Annotations of the VGG Image Annotator instead of those of COCO."""
    without_formats(root)
    region = {"shape_attributes": {"name": "rect"}, "region_attributes": {}}
    (root / "via.json").write_text(json.dumps({"a0.png1": {"filename": "a0.png", "regions": [region]}}))


in_both_classes = edited(lambda words: words)


def gone(name: str) -> Change:
    return lambda root: (root / name).unlink()


def no_images(root: Path) -> None:
    for path in (root / "images/val").iterdir():
        path.unlink()


def in_both(root: Path) -> None:
    path = root / "data.yaml"
    path.write_text(path.read_text().replace("val: images/val", "val: [images/val, images/train]"))


def class_map(pixels: np.ndarray) -> Change:
    return lambda root: cv2.imwrite(str(root / CLASS_MAP), pixels)


def of_id(value: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), value, np.uint8)


def yolo(root: Path, _option: Any) -> Sequence[Finding]:
    return read_yolo(root).findings


def voc(root: Path, _option: Any) -> Sequence[Finding]:
    return read_voc(root).findings


def voc_list(words: str) -> Change:
    """Another list of the validation split."""
    return lambda root: (root / "ImageSets/Segmentation/val.txt").write_text(words)


def without_formats(root: Path) -> None:
    shutil.rmtree(root / "annotations")


def to_yolo(root: Path, crowd: int) -> Sequence[Finding]:
    """Faults of a conversion of objects of which one is, or is not, a crowd."""
    made = make_coco_folder(root.with_name(f"{root.name}_made"))
    made.entry("train")["iscrowd"] = crowd
    made.write()
    return transfer_dataset(made.root, root.with_name(f"{root.name}_yolo"), "yolo").findings


def usual_names(folder: CocoFolder) -> None:
    for part in ("train", "val"):
        folder.file(part).rename(folder.root / f"annotations/instances_{part}2017.json")


def as_text(folder: CocoFolder) -> None:
    for entry in folder.parts["train"]["annotations"]:
        entry["image_id"] = str(entry["image_id"])
    folder.write()


def called(name: str) -> Callable[[CocoFolder], None]:
    """The first image under another name, and the same name in the annotations as before."""
    return lambda folder: folder.image("a0").rename(folder.root / "images" / name) and None


def roboflow(objects: bool) -> Callable[[CocoFolder], None]:
    """Category 0 is the group of the others, with or without an object of its own."""

    def run(folder: CocoFolder) -> None:
        for content in folder.parts.values():
            for entry in content["categories"]:
                entry["supercategory"] = "things"
            content["categories"].insert(0, {"id": 0, "name": "things", "supercategory": "none"})
            if objects:
                content["annotations"][0]["category_id"] = 0
        folder.write()

    return run


def without_annotations(folder: CocoFolder) -> None:
    """Only images and masks for semantic segmentation are left."""
    shutil.rmtree(folder.root)
    make_seg_folder(folder.root)


def without_masks(folder: SegFolder) -> None:
    """Only images and COCO files are left."""
    shutil.rmtree(folder.root)
    make_coco_folder(folder.root)


def as_objects(folder: CocoFolder, _option: Any) -> Sequence[Finding]:
    return examine_coco_dataset(folder.root, settings=PassSettings(workers=1)).findings


def as_labels(folder: SegFolder, _option: Any) -> Sequence[Finding]:
    return examine_seg_dataset(folder.root, settings=PassSettings(workers=1)).findings


def unlisted(name: str, *, in_test: bool = False) -> Any:
    """One more image, in no list or annotation file, or in that of the test part."""

    def run(folder: Any) -> None:
        first = next(iter(sorted((folder.root / "images").iterdir())))
        cv2.imwrite(str(folder.root / "images" / name), 255 - cv2.imread(str(first)))
        if in_test and isinstance(folder, CocoFolder):
            (folder.root / "annotations/instance_test.json").write_text(json.dumps({"images": [{"file_name": name}]}))
        elif in_test:
            (folder.root / "test.txt").write_text(f"images/{name} annotations/a0.png\n")

    return run


def without_lists(folder: SegFolder) -> None:
    for part in ("train", "val"):
        (folder.root / f"{part}.txt").unlink()


def one_alone(folder: SegFolder) -> None:
    without_lists(folder)
    folder.mask("a0").unlink()


def in_colour(root: Path) -> None:
    for path in (root / "SegmentationClass").iterdir():
        cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH, 3), np.uint8))


def as_semantic(root: Path, _option: Any) -> Sequence[Finding]:
    return scan_seg_dataset(root)[1]


OTHER_LAYOUTS = (
    Replay("C108", usual_names),
    Replay("C109", without_annotations, look=as_objects),
    Replay("C164", as_text),
    Replay("C140", roboflow(objects=False), roboflow(objects=True)),
    Replay("C163", called("A0.PNG"), called("a0.png")),
    Replay("S003", without_masks, look=as_labels),
    Replay("S004", without_lists),
    Replay("S005", one_alone, without_lists),
    Replay("S006", unlisted("a9.jpg"), unlisted("a9.jpg", in_test=True)),
    Replay("C165", unlisted("a9.png"), unlisted("a9.png", in_test=True)),
)
"""Layouts of other tools, of data for semantic and instance segmentation."""

FORMATS = (
    *OTHER_LAYOUTS,
    Replay("F001", without_formats),
    Replay("F002", via_project, without_formats),
    Replay("F101", lambda root: None, option=1, near_option=0, look=to_yolo),
    Replay("Y001", gone("data.yaml"), look=yolo),
    Replay("Y002", no_images),
    Replay("Y003", in_both),
    Replay("Y004", lambda root: (root / "images/train/a0.png").write_bytes(b"no image")),
    Replay("Y005", gone(LABELS), lambda root: (root / LABELS).write_text("")),
    Replay("Y006", flat("train", "valid"), flat(".", ".")),
    Replay("Y101", line("0 0.1 0.1 0.2"), line("0 0.1 0.1 0.2 0.1 0.2 0.2")),
    Replay("Y102", line("2 0.1 0.1 0.2 0.1 0.2 0.2"), line("1 0.1 0.1 0.2 0.1 0.2 0.2")),
    Replay("Y103", line("0 4 4 20 4 20 20"), line("0 0.9 0.1 1.001 0.1 0.9 0.2")),
    Replay("Y104", line("0 0.5 0.5 0.2 0.2"), line("0 0.1 0.1 0.2 0.1 0.2 0.2")),
    Replay("Y105", edited(lambda words: [words[0], *(str(100 * float(word)) for word in words[1:])]), in_both_classes),
    Replay("Y106", edited(lambda words: [str(int(words[0]) + 1), *words[1:]]), in_both_classes),
    Replay("Y111", lambda root: (root / "labels").rename(root / "label"), gone(LABELS)),
    Replay("Y112", described_as("train: images/train\n"), described_as("train: images/train\nval: images/val\n")),
    Replay("Y113", edited_px(1), edited_px(9)),
    Replay("Y114", edited(by_other_sides), edited(lambda words: [words[0], "0.1", "0.1", "1.2", "0.9", "0.3", "0.9"])),
    Replay("Y107", described("nc: 3\n"), described("nc: 2\n")),
    Replay("Y108", edited(lambda words: [*words, "0.87"]), in_both_classes),
    Replay("Y109", described("kpt_shape: [17, 3]\n"), described("nc: 2\n")),
    Replay("Y110", named("dog", "Dog"), named("dog", "hog")),
    Replay("V001", lambda root: (root / "SegmentationClass").rename(root / "classes"), look=voc),
    Replay("V101", gone("JPEGImages/a0.png")),
    Replay("V102", gone(CLASS_MAP)),
    Replay("V103", lambda root: (root / CLASS_MAP).write_bytes(b"no image")),
    Replay("V104", class_map(np.zeros((2 * HEIGHT, 2 * WIDTH), np.uint8)), class_map(of_id(0))),
    Replay("V107", voc_list("a0\na3\na4\n"), voc_list("a3\na4\n")),
    Replay("V108", voc_list(""), voc_list("a3.png\na4.PNG\n")),
    Replay("V106", in_colour, look=as_semantic),
    Replay("V105", class_map(of_id(9)), class_map(of_id(255))),
)
