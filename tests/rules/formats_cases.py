"""Rules of YOLO and Pascal VOC data, and of conversions between formats."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segcli.data.formats.voc_format import read_voc
from segcli.data.formats.yolo_format import read_yolo
from segcli.findings import Finding
from segcli.steps.convert.command import transfer_dataset
from tests.coco_folder import HEIGHT, WIDTH, make_coco_folder
from tests.rules.replay import Change, Replay

LABELS = "labels/train/a0.txt"
CLASS_MAP = "SegmentationClass/a0.png"


def line(words: str) -> Change:
    """One more line in the first label file."""

    def run(root: Path) -> None:
        path = root / LABELS
        path.write_text(path.read_text() + words + "\n")

    return run


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


def without_formats(root: Path) -> None:
    shutil.rmtree(root / "annotations")


def to_yolo(root: Path, crowd: int) -> Sequence[Finding]:
    """Faults of a conversion of objects of which one is, or is not, a crowd."""
    made = make_coco_folder(root.with_name(f"{root.name}_made"))
    made.entry("train")["iscrowd"] = crowd
    made.write()
    return transfer_dataset(made.root, root.with_name(f"{root.name}_yolo"), "yolo").findings


FORMATS = (
    Replay("F001", without_formats),
    Replay("F101", lambda root: None, option=1, near_option=0, look=to_yolo),
    Replay("Y001", gone("data.yaml"), look=yolo),
    Replay("Y002", no_images),
    Replay("Y003", in_both),
    Replay("Y004", lambda root: (root / "images/train/a0.png").write_bytes(b"no image")),
    Replay("Y005", gone(LABELS), lambda root: (root / LABELS).write_text("")),
    Replay("Y101", line("0 0.1 0.1 0.2"), line("0 0.1 0.1 0.2 0.1 0.2 0.2")),
    Replay("Y102", line("2 0.1 0.1 0.2 0.1 0.2 0.2"), line("1 0.1 0.1 0.2 0.1 0.2 0.2")),
    Replay("Y103", line("0 4 4 20 4 20 20"), line("0 0.9 0.1 1.001 0.1 0.9 0.2")),
    Replay("Y104", line("0 0.5 0.5 0.2 0.2"), line("0 0.1 0.1 0.2 0.1 0.2 0.2")),
    Replay("V001", lambda root: (root / "SegmentationClass").rename(root / "classes"), look=voc),
    Replay("V101", gone("JPEGImages/a0.png")),
    Replay("V102", gone(CLASS_MAP)),
    Replay("V103", lambda root: (root / CLASS_MAP).write_bytes(b"no image")),
    Replay("V104", class_map(np.zeros((9, 9), np.uint8)), class_map(of_id(0))),
    Replay("V105", class_map(of_id(9)), class_map(of_id(255))),
)
