"""Small generated datasets for tests."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def make_seg_dataset(root: Path, *, train: int = 6, val: int = 2, size: int = 64, classes: int = 3) -> Path:
    """PaddleX's SegDataset: noisy images with one bright rectangle a class, so that a network can learn them."""
    rng = np.random.default_rng(7)
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    colours = np.array([[40, 40, 40], [220, 60, 60], [60, 60, 220], [60, 220, 60]], np.uint8)
    for split, count in (("train", train), ("val", val)):
        lines = []
        for number in range(count):
            mask = np.zeros((size, size), np.uint8)
            for label in range(1, classes):
                x, y = rng.integers(0, size // 2, 2)
                mask[y : y + size // 3, x : x + size // 3] = label
            image = colours[mask].astype(int) + rng.integers(-25, 26, (size, size, 3))
            name = f"{split}_{number}"
            cv2.imwrite(str(root / "images" / f"{name}.png"), np.clip(image, 0, 255).astype(np.uint8)[..., ::-1])
            cv2.imwrite(str(root / "annotations" / f"{name}.png"), mask)
            lines.append(f"images/{name}.png annotations/{name}.png")
        (root / f"{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    names = ["_background_", "red", "blue", "green"][:classes]
    (root / "class_name_to_id.txt").write_text("".join(f"{i}: {name}\n" for i, name in enumerate(names)))
    return root
