"""Writes masks as LabelMe and COCO datasets, so that `convert`, `split` and `train` can use predictions.

```
<output>/labelme/  images/  annotations/<name>.json
<output>/coco/     images/  annotations/instance_train.json
```
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.data.files import atomic_path, write_json_atomic
from segcli.data.formats.coco_layout import ANNOTATION_FILES
from segcli.data.formats.coco_writer import CocoDocument, join_documents
from segcli.data.formats.labelme_writer import labelme_document as labelme_values
from segcli.data.formats.labelme_writer import outline_shapes
from segcli.data.samples import Split
from segcli.data.traced_mask import TracedMask
from segcli.promptable.masks import PromptMask
from segcli.steps.predict.result import Predicted

NAMELESS = "object"
COCO_FILE = ANNOTATION_FILES[Split.TRAIN]
RgbImage = NDArray[np.uint8]


def place_image(folder: Path, name: Path, input_path: str | None, rgb: RgbImage) -> str:
    """Puts an image into the folder `images` of a dataset: the file itself (linked where possible), or a PNG.

    Args:
        folder: Folder of the dataset.
        name: Name of the result, without suffix.
        input_path: The image file; None for a page, a URL or an array.
        rgb: The image, RGB, uint8 [H, W, 3].

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


def labelme_document(image: str, rgb: RgbImage, answers: Sequence[PromptMask]) -> dict[str, Any]:
    """The LabelMe document: a polygon per part of a mask, or the mask itself where it has holes.

    Args:
        image: Relative path of the image.
        rgb: The image, RGB, uint8 [H, W, 3].
        answers: The masks; empty ones are left out.
    """
    shapes = [
        shape
        for number, answer in enumerate(answers, start=1)
        for shape in outline_shapes(_label(answer), TracedMask(answer.rle), number)
    ]
    return labelme_values(image, rgb.shape[1], rgb.shape[0], shapes)


def coco_document(image: str, rgb: RgbImage, answers: Sequence[PromptMask]) -> dict[str, Any]:
    """The COCO document of one image, with run-length codes; `join_coco` joins those of many images."""
    document = CocoDocument()
    image_id = document.add_image(image, rgb.shape[1], rgb.shape[0])
    for answer in answers:
        if answer.area_px:
            score = round(answer.score, 6)
            document.add_object(image_id, _label(answer), answer.rle, answer.bbox, answer.area_px, score=score)
    return document.values()


def _label(answer: PromptMask) -> str:
    return answer.prompt.label or NAMELESS


def join_coco(predicted: Sequence[Predicted], folder: Path) -> list[Predicted]:
    """Joins the COCO files of single images, if any, into ``<folder>/coco/annotations``."""
    singles = [Path(entry.files["coco"]) for entry in predicted if "coco" in entry.files]
    if not singles:
        return list(predicted)
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in singles]
    target = (folder / "coco" / COCO_FILE).as_posix()
    write_json_atomic(Path(target), join_documents(documents))
    for path in singles:
        path.unlink()
    return [
        replace(entry, files={**entry.files, "coco": target}) if "coco" in entry.files else entry for entry in predicted
    ]
