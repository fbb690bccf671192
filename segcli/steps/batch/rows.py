"""The output of a batch for one image: its row and, for PNG masks, the mask."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from segcli.data import rle
from segcli.data.label_png import encode_label_png
from segcli.data.palette import png_palette
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.instance_files import coco_results
from segcli.steps.predict.instance_results import InstanceResult
from segcli.steps.predict.semantic_results import SegResult

Row = dict[str, Any]
_PNG_EFFORT = 3


def row_of(result: ImageResult, *, with_codes: bool) -> Row:
    """The row of an image with COCO's keys: annotations with category, area, box and, if requested, mask.

    Args:
        result: Result of an instance or semantic model. For a semantic model, all pixels of a class are one annotation,
            whose `category_id` is the id in the label map.
        with_codes: Whether to put masks into the row, as run-length codes.
    """
    found = _objects(result) if isinstance(result, InstanceResult) else _classes(result)
    annotations = [{key: value for key, value in one.items() if with_codes or key != "segmentation"} for one in found]
    return {"input_path": result["input_path"], "size": list(result.rgb.shape[:2]), "annotations": annotations}


def fault_row(path: str, message: str) -> Row:
    """The row of an image without a result."""
    return {"input_path": path, "error": message}


def mask_png(result: ImageResult) -> bytes:
    """The mask as PNG: for a semantic model a palette image of class ids, else 16 bits with annotation numbers.

    Annotations are numbered from 1 in the order of the row; where they overlap, the higher score is on top.
    """
    if isinstance(result, SegResult):
        return encode_label_png(result.labels, png_palette(len(result.classes)))
    data = io.BytesIO()
    _numbered(result).save(data, "PNG", compress_level=_PNG_EFFORT)
    return data.getvalue()


def _objects(result: InstanceResult) -> list[Row]:
    found = coco_results(result, result.codes)
    return [
        {**{key: value for key, value in one.items() if key != "image_id"}, "area": rle.area(one["segmentation"])}
        for one in found
    ]


def _classes(result: ImageResult) -> list[Row]:
    if not isinstance(result, SegResult):
        raise TypeError(f"no rows of {type(result).__name__}")
    found = []
    for class_id in np.unique(result.labels).tolist():
        code = rle.encode(result.labels == class_id)
        found.append(
            {
                "category_id": class_id,
                "category_name": result.classes.name_of(class_id),
                "bbox": list(rle.bounding_box(code)),
                "area": rle.area(code),
                "segmentation": code,
            }
        )
    return found


def _numbered(result: ImageResult) -> Image.Image:
    if not isinstance(result, InstanceResult):
        raise TypeError(f"no mask of {type(result).__name__}")
    numbers = np.zeros(result.rgb.shape[:2], np.uint16)
    for number in range(len(result.codes), 0, -1):
        crop = rle.decode_crop(result.codes[number - 1])
        if crop is not None:
            mask, left, top = crop
            window = numbers[top : top + mask.shape[0], left : left + mask.shape[1]]
            window[mask > 0] = number
    return Image.fromarray(numbers)
