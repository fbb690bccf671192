"""Objects of an image as JSON: PaddleX's, ours, COCO's and LabelMe's."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.data import rle
from segcli.data.contours import Outline, mask_outlines
from segcli.data.image import RgbImage
from segcli.data.rle import Rle
from segcli.steps.predict.writers import to_json

LABELME_VERSION = "5.6.0"


def full_objects(values: Mapping[str, Any], *, indent: int, ensure_ascii: bool) -> str:
    """PaddleX's JSON with every mask pixel, one row of pixels a line (PaddleX writes a pixel a line)."""
    frame = to_json({**values, "masks": "@"}, indent=indent, ensure_ascii=ensure_ascii)
    blank, deeper = " " * (2 * indent), " " * (3 * indent)
    texts = []
    for mask in values["masks"]:
        rows = f",\n{deeper}".join(f"[{','.join(map(str, row))}]" for row in mask.tolist())
        texts.append(f"[\n{deeper}{rows}\n{blank}]")
    joined = f",\n{blank}".join(texts)
    return frame.replace('"masks": "@"', f'"masks": [\n{blank}{joined}\n{" " * indent}]' if texts else '"masks": []')


def compact_objects(values: Mapping[str, Any], codes: Sequence[Rle], size: Sequence[int]) -> dict[str, Any]:
    """The boxes, each with its mask as run-length code of the whole image, as polygons and as an area."""
    boxes = [
        {**box, "area_px": rle.area(code), "segmentation": code, "polygons": polygons(code)}
        for box, code in zip(values["boxes"], codes, strict=True)
    ]
    return {
        "input_path": values["input_path"],
        "page_index": values["page_index"],
        "size": list(size),
        "boxes": boxes,
    }


def polygons(code: Rle) -> list[dict[str, Any]]:
    """The parts of a mask: ``outer`` border and ``holes``, each x1, y1, x2, y2, ... along the edges of pixels."""
    return [
        {"outer": outline.outer.ravel().tolist(), "holes": [hole.ravel().tolist() for hole in outline.holes]}
        for outline in outlines(code)
    ]


def outlines(code: Rle) -> list[Outline]:
    """The outlines of a mask in pixels of the image; only the part inside of its box is traced."""
    left, top, crop = _crop(code)
    return mask_outlines(crop, left, top) if crop.size else []


def coco_results(values: Mapping[str, Any], codes: Sequence[Rle]) -> list[dict[str, Any]]:
    """COCO's list of results; category ids count from 1 in the order of the classes, as `convert` writes them."""
    return [
        {
            "image_id": values["input_path"],
            "category_id": box["cls_id"] + 1,
            "category_name": box["label"],
            "bbox": _sides(box["coordinate"]),
            "score": box["score"],
            "segmentation": code,
        }
        for box, code in zip(values["boxes"], codes, strict=True)
    ]


def labelme_values(values: Mapping[str, Any], codes: Sequence[Rle], rgb: RgbImage, target: Path) -> dict[str, Any]:
    """A LabelMe file of the objects.

    An object in one piece is a polygon; one in several pieces has a `group_id`; one with holes is a mask, because
    LabelMe's polygons have none.
    """
    shapes: list[dict[str, Any]] = []
    for number, (box, code) in enumerate(zip(values["boxes"], codes, strict=True), start=1):
        shapes += _shapes(box, code, number)
    path, inside = _image_of(values, rgb, target)
    return {
        "version": LABELME_VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": path,
        "imageData": inside,
        "imageHeight": rgb.shape[0],
        "imageWidth": rgb.shape[1],
    }


def _shapes(box: Mapping[str, Any], code: Rle, number: int) -> list[dict[str, Any]]:
    parts = outlines(code)
    described = {"label": box["label"], "flags": {}, "description": f"score {box['score']:.4f}"}
    if any(part.holes for part in parts):
        left, top, crop = _crop(code)
        height, width = crop.shape
        corners = [[left, top], [left + width - 1, top + height - 1]]
        mask = _png(crop * np.uint8(255))
        return [{**described, "points": corners, "group_id": None, "shape_type": "mask", "mask": mask}]
    group = number if len(parts) > 1 else None
    return [
        {**described, "points": part.outer.tolist(), "group_id": group, "shape_type": "polygon", "mask": None}
        for part in parts
    ]


def _image_of(values: Mapping[str, Any], rgb: RgbImage, target: Path) -> tuple[str, str | None]:
    """Relative path of the image, or a made-up name and the image itself as base64."""
    given = values["input_path"]
    if given is not None and values["page_index"] is None and Path(given).is_file():
        return Path(os.path.relpath(given, target.parent)).as_posix(), None
    return f"{target.stem}.png", _png(rgb)


def _png(pixels: NDArray[np.uint8]) -> str:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")


def _crop(code: Rle) -> tuple[int, int, NDArray[np.uint8]]:
    """Left, top and the mask inside of its own box."""
    left, top, width, height = (int(value) for value in rle.bounding_box(code))
    return left, top, rle.decode(code)[top : top + height, left : left + width]


def _sides(corners: Sequence[float]) -> list[float]:
    left, top, right, bottom = corners
    return [left, top, right - left, bottom - top]
