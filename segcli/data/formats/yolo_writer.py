"""Writes YOLO segmentation: `data.yaml`, `images/<split>/`, and polygons in `labels/<split>/`."""

from __future__ import annotations

import json

import numpy as np

from segcli.data import rle
from segcli.data.bridges import Points, joined_ring
from segcli.data.classes import IGNORE_NAME
from segcli.data.formats.annotated import AnnotatedObject
from segcli.data.formats.format import Placed, PlacedImage, Put, Written, is_object, lose_flags
from segcli.data.formats.object_painter import ObjectPainter, crop_rings, iou
from segcli.data.samples import Split

DIGITS = 9
"""Decimals of coordinates from 0 to 1, which gives 0.00001 px in an image of 10,000 px."""
SAME_IOU = 0.999
"""Mask IoU from which two masks count as equal."""


def yolo_image_path(placed: PlacedImage) -> str:
    """`images/<split>/` and a name that is unique even without its suffix."""
    return f"images/{placed.split.value}/{placed.stem}{placed.suffix}"


def write_yolo(placed: Placed, put: Put) -> Written:
    """Writes label files and `data.yaml`.

    An object with several parts or holes becomes one polygon: its rings are joined by slits of zero width.
    """
    written, painter = Written(), ObjectPainter(placed.brush)
    written.made.update(objects=0, files=0)
    ids = {name: number for number, name in enumerate(placed.dataset.classes)}
    for image in placed.images:
        lines = []
        for value in image.source.read_objects():
            ring = _ring(image, value, painter, written)
            if ring is not None:
                lines.append(" ".join([str(ids[value.label]), *map(share_text, ring.ravel().tolist())]) + "\n")
        put(f"labels/{image.split.value}/{image.stem}.txt", "".join(lines).encode())
        written.made.update(objects=len(lines), files=1)
    put("data.yaml", _yaml(placed).encode())
    return written


def _yaml(placed: Placed) -> str:
    """The content of `data.yaml`; names are JSON strings, which are valid YAML."""
    parts = [f"{split.value}: images/{split.value}" for split in Split if placed.of(split)]
    quoted = [json.dumps(name, ensure_ascii=False) for name in placed.dataset.classes]
    names = [f"  {number}: {name}" for number, name in enumerate(quoted)]
    return "\n".join(["path: .", *parts, "names:", *names]) + "\n"


def _ring(image: PlacedImage, value: AnnotatedObject, painter: ObjectPainter, written: Written) -> Points | None:
    """The polygon of an object, [n, 2], normalised by the image size; None where there is nothing to write."""
    if not is_object(value):
        if value.label == IGNORE_NAME:
            written.lose(image, value, "an ignored region", 0.0)
        return None
    height, width = image.source.size
    found = painter.segment(value, height, width)
    if found is None:
        return None
    lose_flags((), image, value, written)
    before = found.segmentation
    if isinstance(before, dict):
        rings = _pixel_rings(before)
    else:
        rings = [np.array(ring, np.float64).reshape(-1, 2) for ring in before]
    if not _are_inside(rings, width, height):
        # a polygon over the border has no coordinates from 0 to 1: trace its pixels inside the image instead
        before = painter.code(value, height, width)
        rings = _pixel_rings(before)
    if not rings:
        return None
    ring = joined_ring(rings)
    if len(rings) > 1:
        held = before if isinstance(before, dict) else rle.from_polygons(before, height, width)
        share = iou(held, rle.from_polygons([ring.ravel().tolist()], height, width))
        if share < SAME_IOU:
            written.lose(image, value, "parts or holes that one polygon cannot describe", share)
    return ring / (width, height)


def _are_inside(rings: list[Points], width: int, height: int) -> bool:
    return all(bool(((ring >= 0) & (ring <= (width, height))).all()) for ring in rings)


def _pixel_rings(code: rle.Rle) -> list[Points]:
    crop = rle.decode_crop(code)
    return [] if crop is None else [ring.astype(np.float64) for part in crop_rings(crop) for ring in part]


def share_text(share: float) -> str:
    """Formats a coordinate from 0 to 1."""
    return f"{share:.{DIGITS}f}".rstrip("0").rstrip(".")
