"""Datasets in memory, and what of them is the same after they were written and read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from segcli.config.schema import CheckDatasetConfig
from segcli.data import rle
from segcli.data.formats.annotated import AnnotatedDataset, AnnotatedImage, AnnotatedObject
from segcli.data.formats.format import Brush, Placed
from segcli.data.formats.object_painter import ObjectPainter, Segmented, iou
from segcli.data.formats.table import format_named
from segcli.data.samples import Split
from segcli.steps.convert.images import place_images

HEIGHT, WIDTH = 40, 56
Parts = dict[Split, list[list[AnnotatedObject]]]


def dataset_of(root: Path, parts: Parts, classes: Sequence[str], *, is_ordered: bool = False) -> AnnotatedDataset:
    """A dataset in memory with an image file for each list of objects."""
    images = []
    for split, lists in parts.items():
        for number, objects in enumerate(lists):
            path = root / "images" / f"{split.value}{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
            images.append(
                AnnotatedImage(
                    path.name, PurePosixPath(path.name), path, (HEIGHT, WIDTH), split, lambda objects=objects: objects
                )
            )
    return AnnotatedDataset("coco", root, tuple(classes), tuple(images), is_ordered=is_ordered)


def write(dataset: AnnotatedDataset, format_name: str, root: Path):
    """Writes a dataset, images included, and returns what the format says of it."""
    row = format_named(format_name)
    placed = Placed(dataset, root, place_images(dataset, CheckDatasetConfig())[0], Brush())

    def put(name: str, data: bytes) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    for image in placed.images:
        put(row.image_path(image), image.source.file.read_bytes())
    return row.write(placed, put)


def masks_of(dataset: AnnotatedDataset) -> dict[str, list[tuple[str, rle.Rle, bool, bool]]]:
    """Label, mask and marks of each object by the stem of its image."""
    painter = ObjectPainter(Brush())
    return {
        image.file_name.stem: [
            (value.label, code_of(painter.segment(value, *image.size)), value.is_crowd, value.is_ignored)
            for value in image.read_objects()
        ]
        for image in dataset.images
    }


def code_of(segmented: Segmented | None) -> rle.Rle:
    """The pixels inside of an outline as COCO fills it: LabelMe's painting adds the border to the same polygon."""
    if segmented is None:
        return rle.empty(HEIGHT, WIDTH)
    outline = segmented.segmentation
    return outline if isinstance(outline, dict) else rle.from_polygons(outline, HEIGHT, WIDTH)


def lowest_iou(before: AnnotatedDataset, after: AnnotatedDataset, *, ties: int = 0) -> float:
    """The lowest mask IoU of an object with the one that became of it; 0 where objects are missing or too many.

    Masks that differ in at most `ties` pixels are equal: written numbers are rounded, and an outline that runs through
    the centre of a pixel may then run beside it.
    """
    worst = 1.0
    one, other = masks_of(before), masks_of(after)
    if one.keys() != other.keys():
        return 0.0
    for name, objects in one.items():
        left = defaultdict(list)
        for label, code, *marks in other[name]:
            left[(label, *marks)].append(code)
        for label, code, *marks in objects:
            found = left[(label, *marks)]
            if not found:
                return 0.0
            best = max(found, key=lambda candidate, code=code: iou(code, candidate))
            if int((rle.decode(code) != rle.decode(best)).sum()) > ties:
                worst = min(worst, iou(code, best))
            found.remove(best)
        if any(left.values()):
            return 0.0
    return worst
