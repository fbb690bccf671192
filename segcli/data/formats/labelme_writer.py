"""Writes LabelMe files: the one place where segcli makes LabelMe shapes."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.data.formats.annotated import AnnotatedObject, ShapeGroup
from segcli.data.formats.format import Placed, PlacedImage, Put, Written
from segcli.data.formats.labelme import Shape
from segcli.data.formats.object_painter import ObjectPainter
from segcli.data.rle import Crop
from segcli.data.samples import Split
from segcli.data.traced_mask import TracedMask

LABELME_VERSION = "5.6.0"
"""LabelMe version whose file layout is written."""
LABELME_LISTS = {split: f"{split.value}_anno_list.txt" for split in Split}
"""PaddleX's list of LabelMe files per split."""
_PNG_EFFORT = 1
"""zlib's lowest level: a third of the time, and files are hardly larger."""
_FLAGS = {"is_crowd": "iscrowd", "is_ignored": "ignore"}
"""Attribute of an object -> name of its LabelMe shape flag, as in COCO."""

Entry = dict[str, Any]


def labelme_document(
    image_path: str, width: int, height: int, shapes: Sequence[Entry], image_data: str | None = None
) -> Entry:
    """The content of a LabelMe file.

    Args:
        image_path: Path of the image, relative to the LabelMe file, with forward slashes.
        width: Image width, in pixels.
        height: Image height, in pixels.
        shapes: Results of `labelme_shape`.
        image_data: The image itself as base64, where there is no file.
    """
    return {
        "version": LABELME_VERSION,
        "flags": {},
        "shapes": list(shapes),
        "imagePath": image_path,
        "imageData": image_data,
        "imageHeight": height,
        "imageWidth": width,
    }


def labelme_shape(
    label: str,
    kind: str,
    points: Sequence[Sequence[float]] | NDArray[Any],
    *,
    group_id: int | str | None = None,
    mask: str | None = None,
    description: str = "",
    flags: Sequence[str] = (),
) -> Entry:
    """One shape.

    Args:
        label: Class name.
        kind: LabelMe's shape type.
        points: x, y in pixels.
        group_id: Shapes with the same label and `group_id` are one object.
        mask: PNG of a ``mask`` as base64.
        description: Free text for people.
        flags: Names of the flags that are set.
    """
    return {
        "label": label,
        "points": np.asarray(points, np.float64).reshape(-1, 2).tolist(),
        "group_id": group_id,
        "description": description,
        "shape_type": kind,
        "flags": dict.fromkeys(flags, True),
        "mask": mask,
    }


def mask_shape(label: str, crop: Crop, **further: Any) -> Entry:
    """Makes a ``mask`` shape of exactly these pixels; `further` goes to `labelme_shape`."""
    pixels, left, top = crop
    height, width = pixels.shape
    corners = [[left, top], [left + width - 1, top + height - 1]]
    return labelme_shape(label, "mask", corners, mask=png_text(np.asarray(pixels > 0)), **further)


def outline_shapes(label: str, mask: TracedMask, group_id: int, **further: Any) -> list[Entry]:
    """Makes editable polygons of a mask, several in a group; a mask where there are holes; none if it is empty."""
    if mask.crop is None:
        return []
    if any(outline.holes for outline in mask.outlines):
        return [mask_shape(label, mask.crop, **further)]
    group = group_id if len(mask.outlines) > 1 else None
    return [labelme_shape(label, "polygon", outline.outer, group_id=group, **further) for outline in mask.outlines]


def png_text(pixels: NDArray[Any]) -> str:
    """Encodes an image as PNG in base64."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=_PNG_EFFORT)
    return base64.b64encode(stream.getvalue()).decode("ascii")


def write_labelme(placed: Placed, put: Put) -> Written:
    """Writes one file per image into `annotations/`, the lists of both splits, and `label.txt`."""
    written, painter = Written(), ObjectPainter(placed.brush)
    written.made.update(files=0, shapes_written=0)
    for image in placed.images:
        height, width = image.source.size
        shapes = list(_shapes(image, painter))
        document = labelme_document(f"../images/{image.name}", width, height, shapes)
        put(_path(image), json.dumps(document, indent=1, ensure_ascii=False).encode())
        written.made.update(files=1, shapes_written=len(shapes))
    for split, name in LABELME_LISTS.items():
        put(name, "".join(f"{_path(image)}\n" for image in placed.of(split)).encode())
    put("label.txt", "".join(f"{name}\n" for name in placed.dataset.classes).encode())
    return written


def _path(image: PlacedImage) -> str:
    return f"annotations/{PurePosixPath(image.stem).name}.json"


def _shapes(image: PlacedImage, painter: ObjectPainter) -> Iterator[Entry]:
    """The shapes of an image, in the order in which they cover each other."""
    shapes: list[tuple[int, int, Entry]] = []
    for number, value in enumerate(image.source.read_objects(), start=1):
        more = {
            "flags": [flag for mark, flag in _FLAGS.items() if getattr(value, mark)],
            "description": "" if value.score is None else f"score {value.score:.4f}",
        }
        if isinstance(value.outline, ShapeGroup):
            shapes += [(shape.number, number, _as_drawn(shape, **more)) for shape in value.outline.shapes]
        else:
            shapes += [(number, number, entry) for entry in _converted(value, image, painter, number, more)]
    yield from (entry for *_, entry in sorted(shapes, key=lambda shape: shape[:2]))


def _as_drawn(shape: Shape, **more: Any) -> Entry:
    mask = None if shape.mask is None else base64.b64encode(shape.mask).decode("ascii")
    return labelme_shape(shape.label, shape.kind, shape.points, group_id=shape.group_id, mask=mask, **more)


def _converted(
    value: AnnotatedObject, image: PlacedImage, painter: ObjectPainter, number: int, more: dict[str, Any]
) -> list[Entry]:
    """Keeps polygons, except those that a reader would mistake for holes; everything else becomes masks."""
    outline = value.outline
    if isinstance(outline, tuple) and not _nested(outline):
        group = number if len(outline) > 1 else None
        return [
            labelme_shape(
                value.label, "polygon", list(zip(ring[0::2], ring[1::2], strict=True)), group_id=group, **more
            )
            for ring in outline
        ]
    crop = painter.crop(value, *image.source.size)
    return [] if crop is None else [mask_shape(value.label, crop, **more)]


def _nested(rings: Sequence[Sequence[float]]) -> bool:
    """Whether the box of one polygon lies in that of another, so that it may be read as a hole."""
    boxes = [(min(ring[0::2]), min(ring[1::2]), max(ring[0::2]), max(ring[1::2])) for ring in rings]
    return any(
        one is not other
        and other[0] <= one[0] and other[1] <= one[1] and one[2] <= other[2] and one[3] <= other[3]
        for one in boxes
        for other in boxes
    )  # fmt: skip
