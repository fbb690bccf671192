"""A small COCO dataset on disk, whole in every respect, for tests that break one thing of it."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

HEIGHT, WIDTH = 48, 64
NAMES = ("кот", "dog")
CATEGORIES = [{"id": 3, "name": NAMES[0], "supercategory": "animal"}, {"id": 7, "name": NAMES[1]}]


def rectangle(left: float, top: float, width: float, height: float) -> list[float]:
    """A polygon."""
    return [left, top, left + width, top, left + width, top + height, left, top + height]


def annotation(id_: int, image_id: int, category_id: int, box: list[float]) -> dict[str, Any]:
    """A rectangular object."""
    return {
        "id": id_,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": box,
        "area": box[2] * box[3],
        "iscrowd": 0,
        "segmentation": [rectangle(*box)],
    }


@dataclass
class CocoFolder:
    """The dataset; change `parts` and call `write`, or the files themselves."""

    root: Path
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def file(self, part: str) -> Path:
        return self.root / "annotations" / f"instance_{part}.json"

    def image(self, name: str) -> Path:
        return self.root / "images" / f"{name}.png"

    def entry(self, part: str, index: int = 0) -> dict[str, Any]:
        """An annotation."""
        return self.parts[part]["annotations"][index]

    def write(self) -> None:
        for part, content in self.parts.items():
            self.file(part).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def make_coco_folder(root: Path, *, train: int = 3, val: int = 2) -> CocoFolder:
    """`train` + `val` images called a0, a1, ...; in each an object of both categories."""
    folder = CocoFolder(root)
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    number = 0
    for part, count in (("train", train), ("val", val)):
        content: dict[str, Any] = {"images": [], "annotations": [], "categories": copy.deepcopy(CATEGORIES)}
        for index in range(count):
            rng = np.random.default_rng(number)
            rgb = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (WIDTH, HEIGHT))
            name = f"a{number}"
            cv2.imwrite(str(folder.image(name)), rgb)
            content["images"].append({"id": index, "file_name": f"{name}.png", "width": WIDTH, "height": HEIGHT})
            boxes = ([4.0, 4.0, 20.0, 12.0], [30.0, 20.0, 25.0, 22.0])
            for category, box in zip(CATEGORIES, boxes, strict=True):
                content["annotations"].append(annotation(len(content["annotations"]) + 1, index, category["id"], box))
            number += 1
        folder.parts[part] = content
    folder.write()
    return folder
