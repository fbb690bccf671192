"""A short training of an instance model on rectangles, and what comes after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segcli.config.schema import Config
from tests.coco_folder import HEIGHT, WIDTH, make_coco_folder

COLOURS = ((200, 60, 40), (40, 90, 210))


def make_rectangles(root: Path, *, train: int = 4, val: int = 2) -> Path:
    """A COCO dataset whose objects can be seen: each rectangle in the colour of its class."""
    folder = make_coco_folder(root, train=train, val=val)
    for part in folder.parts.values():
        names = {entry["id"]: entry["file_name"] for entry in part["images"]}
        images = {id_: np.full((HEIGHT, WIDTH, 3), 30, np.uint8) for id_ in names}
        for entry in part["annotations"]:
            x, y, w, h = map(int, entry["bbox"])
            images[entry["image_id"]][y : y + h, x : x + w] = COLOURS[entry["category_id"] == 7]
        for id_, name in names.items():
            cv2.imwrite(str(root / "images" / name), images[id_])
    return root


def configure(model: str, dataset: Path, output: Path, *, size: int = 64, **sections: Any) -> Config:
    """Two iterations of one image each at a small size."""
    train = {"epochs_iters": 1, "batch_size": 2, "input_size": size, "eval_interval": 1, "export_best": False}
    return Config.model_validate(
        {
            "Global": {"model": model, "dataset_dir": str(dataset), "output": str(output)},
            "Train": {**train, **sections.pop("Train", {})},
            **sections,
        }
    )
