"""Objects of an image as JSON: PaddleX's, compact, COCO's and LabelMe's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.boxes import ltwh_of
from segcli.data.contours import Outline
from segcli.data.formats.labelme_writer import labelme_document, outline_shapes, png_text
from segcli.data.image import RgbImage
from segcli.data.rle import Rle
from segcli.data.traced_mask import TracedMask, trace_together
from segcli.steps.predict.writers import to_json

_LARGEST_DIGIT = 9


def full_objects(values: Mapping[str, Any], *, indent: int, ensure_ascii: bool) -> str:
    """PaddleX's JSON with every mask pixel, one row of pixels per line (PaddleX writes one pixel per line)."""
    frame = to_json({**values, "masks": "@"}, indent=indent, ensure_ascii=ensure_ascii)
    blank, deeper = " " * (2 * indent), " " * (3 * indent)
    texts = []
    for mask in values["masks"]:
        rows = f",\n{deeper}".join(f"[{row}]" for row in _rows(mask))
        texts.append(f"[\n{deeper}{rows}\n{blank}]")
    joined = f",\n{blank}".join(texts)
    return frame.replace('"masks": "@"', f'"masks": [\n{blank}{joined}\n{" " * indent}]' if texts else '"masks": []')


def _rows(mask: NDArray[Any]) -> Iterator[str]:
    """The values of each row of a mask [H, W], with commas between them."""
    mask = mask.astype(np.uint8) if mask.dtype == bool else mask
    if mask.dtype != np.uint8 or mask.max(initial=0) > _LARGEST_DIGIT:  # none of ours
        return (",".join(map(str, row)) for row in mask.tolist())
    text = np.full((mask.shape[0], 2 * mask.shape[1]), ord(","), np.uint8)
    text[:, ::2] = mask + ord("0")
    return (row.tobytes().decode("ascii") for row in text[:, :-1])


def compact_objects(values: Mapping[str, Any], masks: Sequence[TracedMask], size: Sequence[int]) -> dict[str, Any]:
    """The boxes, each with its mask as a run-length code of the whole image, polygons, and area in square pixels.

    `boxes` is an iterator: a large image has objects by the hundred thousand.
    """
    trace_together(masks)
    boxes = (
        {**box, "area_px": mask.area_px, "segmentation": mask.code, "polygons": polygons(mask.outlines)}
        for box, mask in zip(values["boxes"], masks, strict=True)
    )
    return {
        "input_path": values["input_path"],
        "page_index": values["page_index"],
        "size": list(size),
        "boxes": boxes,
    }


def polygons(outlines: Sequence[Outline]) -> list[dict[str, Any]]:
    """The parts of a mask: ``outer`` border and ``holes``, each x1, y1, x2, y2, ... along pixel edges."""
    return [
        {"outer": outline.outer.ravel().tolist(), "holes": [hole.ravel().tolist() for hole in outline.holes]}
        for outline in outlines
    ]


def coco_results(values: Mapping[str, Any], codes: Sequence[Rle]) -> Iterator[dict[str, Any]]:
    """COCO's list of results; category ids count from 1 in the order of the classes, as in `convert`."""
    return (
        {
            "image_id": values["input_path"],
            "category_id": box["cls_id"] + 1,
            "category_name": box["label"],
            "bbox": list(ltwh_of(box["coordinate"])),
            "score": box["score"],
            "segmentation": code,
        }
        for box, code in zip(values["boxes"], codes, strict=True)
    )


def labelme_values(
    values: Mapping[str, Any], masks: Sequence[TracedMask], rgb: RgbImage, size: Sequence[int], target: Path
) -> dict[str, Any]:
    """The content of a LabelMe file for the objects of an image; `size` is height and width in pixels.

    An object in one part is a polygon; the parts of an object share a `group_id`; an object with holes is a mask,
    because LabelMe's polygons cannot have holes. `shapes` is an iterator.
    """
    trace_together(masks)
    shapes = (
        shape
        for number, (box, mask) in enumerate(zip(values["boxes"], masks, strict=True), start=1)
        for shape in outline_shapes(box["label"], mask, number, description=f"score {box['score']:.4f}")
    )
    path, inside = _image_of(values, rgb, target)
    return {**labelme_document(path, size[1], size[0], (), inside), "shapes": shapes}


def _image_of(values: Mapping[str, Any], rgb: RgbImage, target: Path) -> tuple[str, str | None]:
    """Relative path of the image, or a made-up name and the image itself as base64."""
    given = values["input_path"]
    if given is not None and values["page_index"] is None and Path(given).is_file():
        return Path(os.path.relpath(given, target.parent)).as_posix(), None
    return f"{target.stem}.png", png_text(rgb)
