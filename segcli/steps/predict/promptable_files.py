"""Masks as LabelMe and COCO datasets, so that `convert`, `split` and `train` take what `predict` found.

```
<output>/labelme/  images/  annotations/<name>.json
<output>/coco/     images/  annotations/instance_train.json
```
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.data.contours import Outline, mask_outlines
from segcli.data.files import atomic_path, write_json_atomic
from segcli.promptable.masks import PromptedMask
from segcli.steps.predict.result import Predicted

NAMELESS = "object"
COCO_FILE = "annotations/instance_train.json"
_LABELME_VERSION = "5.5.0"
RgbImage = NDArray[np.uint8]


def place_image(folder: Path, name: Path, input_path: str | None, rgb: RgbImage) -> str:
    """Puts an image into the `images` of a dataset: the file itself (linked where that can be), or a PNG of a page.

    Args:
        folder: Of the dataset.
        name: Of the result, without suffix.
        input_path: The image's file; None for a page, an address or an array.
        image: RGB.

    Returns:
        Its path below `images`.
    """
    is_file = input_path is not None and Path(input_path).is_file()
    target = folder / "images" / name.with_name(f"{name.name}{Path(input_path or '').suffix if is_file else '.png'}")
    with atomic_path(target) as temporary:
        if is_file:
            _link(Path(str(input_path)), temporary)
        else:
            Image.fromarray(rgb).save(temporary, "PNG")
    return target.relative_to(folder / "images").as_posix()


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def labelme_document(image: str, rgb: RgbImage, answers: Sequence[PromptedMask]) -> dict[str, Any]:
    """LabelMe's document: a polygon for every part of a mask, or the mask itself where it has holes.

    Args:
        image: The image below `images`.
        image: RGB.
        answers: The masks; empty ones are left out.
    """
    shapes = [
        shape for number, answer in enumerate(answers, start=1) if answer.area_px for shape in _shapes(answer, number)
    ]
    return {
        "version": _LABELME_VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": image,
        "imageData": None,
        "imageHeight": rgb.shape[0],
        "imageWidth": rgb.shape[1],
    }


def _shapes(answer: PromptedMask, number: int) -> list[dict[str, Any]]:
    x, y, width, height = answer.bbox
    crop = answer.mask[y : y + height, x : x + width]
    outlines = mask_outlines(crop, x, y)
    common = {"label": answer.prompt.label or NAMELESS, "group_id": number, "flags": {}, "description": ""}
    if any(outline.holes for outline in outlines):
        corners = [[x, y], [x + width - 1, y + height - 1]]
        return [{**common, "points": corners, "shape_type": "mask", "mask": _encoded(crop)}]
    return [{**common, "points": _points(outline), "shape_type": "polygon"} for outline in outlines]


def _points(outline: Outline) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in outline.outer]


def _encoded(crop: NDArray[np.bool_]) -> str:
    stream = BytesIO()
    Image.fromarray(crop).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")


def coco_document(image: str, rgb: RgbImage, answers: Sequence[PromptedMask]) -> dict[str, Any]:
    """COCO's document of one image, with run-length codes; `merge_coco` joins those of many."""
    found = [answer for answer in answers if answer.area_px]
    names = list(dict.fromkeys(answer.prompt.label or NAMELESS for answer in found))
    height, width = rgb.shape[:2]
    return {
        "images": [{"id": 1, "file_name": image, "width": width, "height": height}],
        "categories": [{"id": index, "name": name} for index, name in enumerate(names, start=1)],
        "annotations": [
            {
                "id": index,
                "image_id": 1,
                "category_id": names.index(answer.prompt.label or NAMELESS) + 1,
                "bbox": list(answer.bbox),
                "area": answer.area_px,
                "iscrowd": 0,
                "segmentation": answer.rle,
                "score": round(answer.score, 6),
            }
            for index, answer in enumerate(found, start=1)
        ],
    }


def join_coco(predicted: Sequence[Predicted], folder: Path) -> list[Predicted]:
    """Joins the COCO files of single images, where there are any, to ``<folder>/coco/annotations``."""
    singles = [Path(entry.files["coco"]) for entry in predicted if "coco" in entry.files]
    if not singles:
        return list(predicted)
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in singles]
    target = merge_coco(documents, folder / "coco" / COCO_FILE).as_posix()
    for path in singles:
        path.unlink()
    return [
        replace(entry, files={**entry.files, "coco": target}) if "coco" in entry.files else entry for entry in predicted
    ]


def merge_coco(documents: Sequence[dict[str, Any]], target: Path) -> Path:
    """Writes the documents of single images as one COCO file."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    ids: dict[str, int] = {}
    for number, document in enumerate(documents, start=1):
        rgb = document["images"][0]
        images.append({**rgb, "id": number})
        names = {entry["id"]: entry["name"] for entry in document["categories"]}
        for entry in document["annotations"]:
            category = ids.setdefault(names[entry["category_id"]], len(ids) + 1)
            identity = {"id": len(annotations) + 1, "image_id": number, "category_id": category}
            annotations.append({**entry, **identity})
    categories = [{"id": number, "name": name} for name, number in ids.items()]
    write_json_atomic(target, {"images": images, "categories": categories, "annotations": annotations})
    return target
