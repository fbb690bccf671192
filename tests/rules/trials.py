"""Faults found by trial: a small dataset of each, what a user types, and what has to come out.

The same command is typed on the dataset that the fault was found with, where `../shared/cases` is present. Faults that
concern no dataset alone have their tests elsewhere: damaged journals (r_01) in `tests/data/test_journal.py`, kills
(r_03) in `tests/steps/test_kills.py`, false headers (r_07) in `tests/data/test_image_faults.py`, weight files (r_08) in
`tests/weights/test_hostile_files.py`, odd text (r_09) in `tests/data/test_untrusted_text.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.coco_folder import CATEGORIES, CocoFolder, make_coco_folder, rectangle
from tests.image_files import false_png, oriented
from tests.labelme_folder import HEIGHT, WIDTH, box, write_labelme
from tests.rules.masks_cases import NAMES, ids, masks, palettes, through_jpeg
from tests.rules.replay import Change
from tests.seg_folder import make_seg_folder

SEMANTIC, INSTANCE = "semantic_segmentation/PP-LiteSeg-T", "instance_segmentation/Mask-RT-DETR-L"
CONVERT = ("CheckDataset.convert.enable=True", "CheckDataset.convert.src_dataset_type=LabelMe")
SPLIT = ("CheckDataset.split.enable=True", "CheckDataset.split.train_percent=80", "CheckDataset.split.val_percent=20")


@dataclass(frozen=True)
class Trial:
    """A fault found by trial.

    Attributes:
        make: Makes a small dataset that has it.
        found: Ids of the rules that have to be named.
        exit_code: 3 where the dataset must not be used, else 0.
        config: Of main.py; None where `words` are those of `segcli`.
        words: Overrides, or the command and its options without the dataset.
        never: Ids of rules that would be false.
        says: What the terminal has to show.
        data: Folder of the dataset in the case.
        also: Errors that the dataset of the case has besides.
        then: Looks at what was written.
    """

    make: Callable[[Path], object]
    found: tuple[str, ...]
    exit_code: int = 3
    config: str | None = INSTANCE
    words: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    data: str = "data"
    also: tuple[str, ...] = ()
    then: Callable[[Path], None] | None = None


def coco(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], CocoFolder]:
    """A COCO dataset whose every annotation was changed."""

    def make(root: Path) -> CocoFolder:
        folder = make_coco_folder(root)
        for part in folder.parts.values():
            for entry in part["annotations"]:
                change(entry)
        folder.write()
        return folder

    return make


def coco_parts(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], CocoFolder]:
    """A COCO dataset of whose parts each was changed."""

    def make(root: Path) -> CocoFolder:
        folder = make_coco_folder(root)
        for part in folder.parts.values():
            change(part)
        folder.write()
        return folder

    return make


def seg(change: Change) -> Callable[[Path], object]:
    """A semantic dataset without names of classes that was changed."""

    def make(root: Path) -> object:
        folder = make_seg_folder(root, class_file=False)
        change(folder)
        return folder

    return make


def as_corners(entry: dict[str, Any]) -> None:
    left, top, width, height = entry["bbox"]
    entry["bbox"] = [left, top, left + width, top + height]


def as_centres(entry: dict[str, Any]) -> None:
    left, top, width, height = entry["bbox"]
    entry["bbox"] = [left + width / 2, top + height / 2, width, height]


def as_shares(entry: dict[str, Any]) -> None:
    entry["segmentation"] = [[round(v / (64, 48)[n % 2], 4) for n, v in enumerate(entry["segmentation"][0])]]
    entry["bbox"] = [round(v / side, 4) for v, side in zip(entry["bbox"], (64, 48, 64, 48), strict=True)]


def outside(entry: dict[str, Any]) -> None:
    del entry["bbox"]
    entry["segmentation"] = [rectangle(1000, 1000, 100, 100)]


def bow(entry: dict[str, Any]) -> None:
    left, top, width, height = entry["bbox"]
    right, bottom = left + width, top + height
    entry["area"] = width * height / 2
    entry["segmentation"] = [[left, top, right, bottom, right, top, left, bottom]]


def twice(part: dict[str, Any]) -> None:
    part["annotations"] += [{**entry, "id": entry["id"] + 100} for entry in part["annotations"]]


def roboflow(part: dict[str, Any]) -> None:
    part["categories"].insert(0, {"id": 0, "name": CATEGORIES[0]["name"], "supercategory": "none"})


def negatives(part: dict[str, Any]) -> None:
    part["annotations"] = [entry for entry in part["annotations"] if entry["image_id"] != 1]


def crowded(part: dict[str, Any]) -> None:
    first = part["annotations"][0]
    for number in range(120):
        x, y = 2 + 5 * (number % 12), 2 + 4 * (number // 12)
        points = [x, y, x + 4, y, x + 4, y + 3, x, y + 2]
        box = [x, y, 4, 3]
        part["annotations"].append({**first, "id": 1000 + number, "segmentation": [points], "bbox": box, "area": 10})


def usual_names(root: Path) -> None:
    folder = make_coco_folder(root)
    for part in folder.parts:
        folder.file(part).rename(root / "annotations" / f"instances_{part}2017.json")


def too_large(folder: Any) -> None:
    folder.image("a1").write_bytes(false_png(33_000, 33_000) + bytes(4_000_000))  # enough for a flat image of this size


def no_lists(root: Path) -> None:
    make_seg_folder(root, class_file=False)
    for part in ("train", "val"):
        (root / f"{part}.txt").unlink()


def another_encoding(folder: Any) -> None:
    rgb = cv2.imread(str(folder.image("a0")))
    cv2.imwrite(str(folder.root / "images" / "copy.png"), rgb)
    cv2.imwrite(str(folder.mask("copy")), ids(folder, "a0"))
    with (folder.root / "val.txt").open("a") as file:
        file.write("images/copy.png annotations/copy.png\n")


def resized(root: Path) -> None:
    for seed, name in enumerate("abcd"):
        shapes = [box("dog", 20, 16, 80, 70)]
        write_labelme(root, name, shapes, seed=seed, imageHeight=2 * HEIGHT, imageWidth=2 * WIDTH)


def as_stored(root: Path) -> None:
    for name in "abcd":
        write_labelme(root, name, [box("dog", 4, 4, 44, 30 + ord(name) % 4)], image=None, imagePath=f"{name}.jpg")
        (root / f"{name}.jpg").write_bytes(oriented(6, HEIGHT, WIDTH, seed=ord(name)))


def unlabelled(root: Path) -> None:
    for seed, name in enumerate("abc"):
        write_labelme(root, name, [box("dog", 4, 4, 44, 30)], seed=seed)
    (root / "z.png").write_bytes((root / "a.png").read_bytes())


def one_pixel(folder: Any) -> None:
    for name in NAMES:
        cv2.imwrite(str(folder.image(name)), cv2.imread(str(folder.image(name)))[:1, :40])
        cv2.imwrite(str(folder.mask(name)), ids(folder, name)[10:11, :40])


def masks_lie_on_outlines(root: Path) -> None:
    """The masks that LabelMe files became overlap with their shapes, seen in the labelled frame."""
    files = sorted(path for path in root.rglob("*.json") if ".segcli" not in path.parts)
    assert files
    for path in files:
        values = json.loads(path.read_text())
        drawn = np.zeros((values["imageHeight"], values["imageWidth"]), np.uint8)
        for shape in values["shapes"]:
            cv2.fillPoly(drawn, [np.asarray(shape["points"], np.int32)], 1)
        mask = cv2.imread(str(root / "annotations" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        if mask.shape == drawn.shape[::-1]:
            drawn = cv2.rotate(drawn, cv2.ROTATE_90_CLOCKWISE)
        drawn = cv2.resize(drawn, mask.shape[::-1], interpolation=cv2.INTER_NEAREST)
        both, either = np.count_nonzero(drawn & (mask > 0)), np.count_nonzero(drawn | (mask > 0))
        assert both > 0.9 * either, f"{path}: IoU {both / either:.2f}"


def lists_of_all(root: Path) -> None:
    """Every image is in one of both lists, once."""
    lines = [(root / f"{part}.txt").read_text().splitlines() for part in ("train", "val")]
    images = sorted(path.name for path in (root / "images").iterdir())
    assert sorted(line.split()[0].split("/")[1] for part in lines for line in part) == images
    assert len(lines[1]) == round(len(images) / 5)


_CHECK, _CONVERT = ("check",), ("convert", "--task", "semantic")
_TRAIN = ("train", "--model", "PP-LiteSeg-T", "--epochs-iters", "2", "-o", "Train.crop_size=[96,96]")

TRIALS: dict[str, Trial] = {
    "t_01_palette_order_differs": Trial(seg(palettes((0, 1, 2), (0, 2, 1))), ("S407",), config=SEMANTIC),
    "t_02_labelme_resized_pictures": Trial(
        resized, ("L207",), 0, SEMANTIC, CONVERT, says=("scaled to it",), then=masks_lie_on_outlines
    ),
    "t_03_labelme_exif_stored": Trial(as_stored, ("L208",), 0, SEMANTIC, CONVERT, then=masks_lie_on_outlines),
    "t_05_picture_over_2_30_px": Trial(
        seg(too_large), ("S203",), config=SEMANTIC, says=("33000 x 33000 px", "1,073,741,824 px", "1.")
    ),
    "t_07_iscrowd_all_1": Trial(coco(lambda entry: entry.update(iscrowd=1)), ("C106",)),
    "t_08_bbox_xyxy_all": Trial(coco(as_corners), ("C137",), says=("[left, top, right, bottom]",)),
    "t_09_normalised_coords": Trial(coco(as_shares), ("C136",), never=("C129", "C137"), says=("between 0 and 1",)),
    "t_10_masks_0_128_255": Trial(
        seg(masks(lambda pixels: np.choose(np.minimum(pixels, 2), [0, 128, 255]).astype(np.uint8))),
        ("S408",), config=SEMANTIC, says=("0, 128, 255", "255 is ignored"), never=("S403",),
    ),
    "t_11_masks_png_from_jpeg": Trial(seg(masks(through_jpeg)), ("S307",), config=SEMANTIC, never=("S402", "S403")),
    "t_15_images_masks_no_lists": Trial(no_lists, (), 0, SEMANTIC, SPLIT, then=lists_of_all),
    "t_16_coco_usual_names": Trial(usual_names, ("C108",), 0),
    "t_18_coco_roboflow_cat0": Trial(coco_parts(roboflow), ("C140",), 0, never=("C132", "C142")),
    "t_19_polygon_outside_no_bbox": Trial(coco(outside), ("C139",)),
    "t_23_coco_duplicate_objects": Trial(coco_parts(twice), ("C120",), 0, says=("annotation 101", "annotation 1 (")),
    "t_24_leak_other_encoding": Trial(seg(another_encoding), ("S501",), config=SEMANTIC),
    "t_27_picture_without_json": Trial(unlabelled, ("L206",), 0, SEMANTIC, CONVERT, says=("1 image has no",)),
    "t_29_bowtie_area_zero": Trial(coco(bow), ("C126",), 0, never=("C129",)),
    "t_31_wrong_kind": Trial(make_coco_folder, (), config=SEMANTIC, says=("holds COCO data", "instance model")),
    "u_02_labelme_size_mismatch": Trial(
        resized, ("L207",), 0, None, _CONVERT, data="resized", then=masks_lie_on_outlines
    ),
    "u_02_labelme_size_mismatch exif": Trial(
        as_stored, ("L208",), 0, None, _CONVERT, data="exif", then=masks_lie_on_outlines
    ),
    "u_03_wrong_boxes": Trial(coco(as_centres), ("C137",), 3, None, (*_CHECK, "--task", "instance")),
    "u_04_all_crowd": Trial(coco(lambda entry: entry.update(iscrowd=1)), ("C106",), 3, None, _CHECK),
    "u_06_negatives_left_out": Trial(coco_parts(negatives), ("C117",), 0, None, _CHECK, says=("SeedUNet-S learns",)),
    "u_08_all_ignored_nan": Trial(
        seg(masks(lambda pixels: np.full_like(pixels, 255))), ("S410",), 3, None, _CHECK, never=("S306", "S401")
    ),
    "u_10_more_than_100_objects": Trial(
        coco_parts(crowded), ("C161",), 0, None, _CHECK, says=("Evaluate.max",), also=("C151",)
    ),
    "u_13_unlabelled_left_out": Trial(unlabelled, ("L206",), 0, None, _CONVERT),
    "u_14_one_pixel_crash": Trial(seg(one_pixel), (), 0, None, _TRAIN),
}  # fmt: skip
"""By the name of the folder in `../shared/cases`, which a word may follow."""
