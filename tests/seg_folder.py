"""A small semantic dataset on disk, whole in every respect, for tests that break one thing of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

SIZE = (48, 64)
NAMES = ("_background_", "cat", "dog")


@dataclass(frozen=True)
class SegFolder:
    root: Path

    def image(self, name: str) -> Path:
        return self.root / "images" / f"{name}.jpg"

    def mask(self, name: str) -> Path:
        return self.root / "annotations" / f"{name}.png"

    def write_list(self, part: str, names) -> None:
        lines = [f"images/{name}.jpg annotations/{name}.png" for name in names]
        (self.root / f"{part}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def write_sample(self, name: str, seed: int) -> None:
        rng = np.random.default_rng(seed)
        rgb = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), SIZE[::-1])
        cv2.imwrite(str(self.image(name)), rgb)
        ids = np.zeros(SIZE, np.uint8)
        ids[8:24, 8:30] = 1
        ids[28:40, 30:60] = 2
        ids[-2:] = 255
        # no two masks are the same, and all have the same counts
        ids[-2, seed % SIZE[1]], ids[-3, seed % SIZE[1]] = 0, 255
        cv2.imwrite(str(self.mask(name)), ids)


def make_seg_folder(root: Path, *, train: int = 3, val: int = 2, class_file: bool = True) -> SegFolder:
    """`train` + `val` images called a0, a1, ... with classes 0, 1, 2 and a border of 255 in each."""
    folder = SegFolder(root)
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    names = [f"a{index}" for index in range(train + val)]
    for seed, name in enumerate(names):
        folder.write_sample(name, seed)
    folder.write_list("train", names[:train])
    folder.write_list("val", names[train:])
    if class_file:
        lines = [f"{index}: {name}\n" for index, name in enumerate(NAMES)]
        (root / "class_name_to_id.txt").write_text("".join(lines), encoding="utf-8")
    return folder
