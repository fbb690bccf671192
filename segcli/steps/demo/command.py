"""Writes the demo dataset: images, LabelMe files, lists and class names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segcli.data.files import whole_folder, write_bytes_atomic, write_json_atomic, write_text_atomic
from segcli.data.formats.labelme_writer import labelme_document, labelme_shape
from segcli.errors import UsageError
from segcli.progress import track
from segcli.steps.demo.painting import paint
from segcli.steps.demo.scene import CLASS_NAMES, PlacedShape, compose

JPEG_QUALITY = 92
VAL_EVERY = 5


@dataclass(frozen=True)
class DemoReport:
    """What was written.

    Attributes:
        folder: Root of the dataset.
        classes: Class names, in the order of ``label.txt``.
        train_images: Images named in ``train_anno_list.txt``.
        val_images: Images named in ``val_anno_list.txt``.
        shapes: Number of shapes per LabelMe type.
    """

    folder: Path
    classes: tuple[str, ...]
    train_images: int
    val_images: int
    shapes: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "folder": str(self.folder),
            "classes": list(self.classes),
            "train_images": self.train_images,
            "val_images": self.val_images,
            "shapes": dict(self.shapes),
        }


def make_demo(folder: Path, *, images: int = 100, size: tuple[int, int] = (192, 192), seed: int = 0) -> DemoReport:
    """Generates a small LabelMe dataset: leaves, tiles and coins on wood, stone and cloth.

    An image depends only on the seed and its number: with more images, the first ones stay the same. Every fifth
    image is for validation.

    Args:
        folder: Where to write; must be empty or absent.
        images: How many images, at least 5.
        size: Width and height in pixels, each at least 64.
        seed: Random seed.

    Returns:
        What was written.

    Raises:
        UsageError: The folder holds files, or a number is too small.
    """
    if images < VAL_EVERY or min(size) < 64:
        raise UsageError(f"the demo needs at least {VAL_EVERY} images of 64 x 64 pixels, got {images} of {size}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("the folder for the demo is not empty", path=folder, hint="name a new folder")
    with whole_folder(folder) as fresh:
        counts, parts = _write(fresh, images, size, seed)
    return DemoReport(folder, CLASS_NAMES, len(parts["train"]), len(parts["val"]), counts)


def _write(folder: Path, images: int, size: tuple[int, int], seed: int) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Returns the shapes per type, and the lines per list."""
    counts: dict[str, int] = {}
    parts: dict[str, list[str]] = {"train": [], "val": []}
    for number in track(range(images), "painting", images):
        stem = f"{number:04d}"
        for shape in _write_sample(folder, stem, size, np.random.default_rng([seed, number])):
            counts[shape.kind] = counts.get(shape.kind, 0) + 1
        parts["val" if number % VAL_EVERY == VAL_EVERY - 1 else "train"].append(f"annotations/{stem}.json")
    for part, lines in parts.items():
        write_text_atomic(folder / f"{part}_anno_list.txt", "".join(f"{line}\n" for line in lines))
    write_text_atomic(folder / "label.txt", "".join(f"{name}\n" for name in CLASS_NAMES))
    return counts, parts


def _write_sample(folder: Path, stem: str, size: tuple[int, int], rng: np.random.Generator) -> list[PlacedShape]:
    width, height = size
    shapes = compose(rng, width, height)
    image = paint(rng, shapes, width, height)
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    write_bytes_atomic(folder / "images" / f"{stem}.jpg", encoded.tobytes())
    write_json_atomic(folder / "annotations" / f"{stem}.json", _labelme(stem, shapes, width, height))
    return shapes


def _labelme(stem: str, shapes: list[PlacedShape], width: int, height: int) -> dict[str, Any]:
    entries = [labelme_shape(shape.label, shape.kind, shape.points) for shape in shapes]
    return labelme_document(f"../images/{stem}.jpg", width, height, entries)
