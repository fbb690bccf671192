"""Writes PaddleX's SegDataset: label maps, `train.txt`, `val.txt` and class files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from segcli.data.classes import BACKGROUND_NAME, IGNORE_INDEX, IGNORE_NAME
from segcli.data.formats.format import Placed, PlacedImage, Put, Written, in_images_folder, lose_flags
from segcli.data.formats.label_map_painter import are_apart, paint_labels, seen_share
from segcli.data.formats.masks import LIST_FILES
from segcli.data.formats.object_painter import ImageCrops, ObjectPainter
from segcli.data.label_png import encode_label_png
from segcli.data.lists import joined_line
from segcli.data.palette import png_palette

MASK_FOLDER, OTHER_MASK_FOLDER = "annotations", "masks"


def write_masks(placed: Placed, put: Put) -> Written:
    """Writes label maps, lists and class files.

    Label maps store classes, not objects. In LabelMe files and label maps later objects cover earlier ones; in other
    formats, a pixel of two classes keeps only one of them, which is reported as a loss.
    """
    written, painter = Written(), ObjectPainter(placed.brush)
    ids = class_ids(placed)
    folder = mask_folder(placed)
    palette = png_palette(256)
    for image in placed.images:
        labels = _paint(image, placed, ids, painter, written)
        put(f"{folder}/{image.stem}.png", encode_label_png(labels, palette))
        written.made["masks"] += 1
    for split, name in LIST_FILES.items():
        put(name, "".join(f"{_line(image, folder)}\n" for image in placed.of(split)).encode())
    names = placed.dataset.classes
    put("class_name.txt", "".join(f"{name}\n" for name in names).encode())
    numbered = sorted((number, name) for name, number in ids.items() if name not in (IGNORE_NAME, BACKGROUND_NAME))
    if placed.dataset.background is not None:
        numbered.insert(0, (0, placed.dataset.background))
    put("class_name_to_id.txt", "".join(f"{number}: {name}\n" for number, name in numbered).encode())
    return written


def class_ids(placed: Placed) -> dict[str, int]:
    """Value of each label in a label map; the background, where there is one, is 0."""
    first = 0 if placed.dataset.background is None else 1
    ids = {name: number for number, name in enumerate(placed.dataset.classes, start=first)}
    return ids | {BACKGROUND_NAME: 0, IGNORE_NAME: IGNORE_INDEX}


def mask_folder(placed: Placed) -> str:
    """`annotations`, or `masks` where `annotations` holds the labelled images themselves."""
    taken = placed.root / MASK_FOLDER
    crowded = any(image.source.file is not None and image.source.file.parent == taken for image in placed.images)
    return OTHER_MASK_FOLDER if crowded else MASK_FOLDER


def _paint(
    image: PlacedImage, placed: Placed, ids: Mapping[str, int], painter: ObjectPainter, written: Written
) -> NDArray[np.uint8]:
    objects = image.source.read_objects()
    fill = 0 if placed.dataset.background is not None else IGNORE_INDEX
    painted = [
        (value, IGNORE_INDEX if value.is_ignored else ids[value.label]) for value in objects if value.label in ids
    ]
    values = [value for value, _ in painted]
    crops = ImageCrops(painter, image.source.size, values)
    labels = paint_labels(values, [number for _, number in painted], crops, fill)
    none_covered = placed.dataset.is_ordered or are_apart(map(crops.of, values), labels, fill)
    for value, number in painted:
        lose_flags(("is_ignored",), image, value, written)
        crop = None if none_covered else crops.of(value)
        if crop is not None and (share := seen_share(crop, labels, number)) < 1:
            written.lose(image, value, "pixels under an object of another class", share)
    return labels


def _line(image: PlacedImage, folder: str) -> str:
    return joined_line(in_images_folder(image), f"{folder}/{image.stem}.png")
