"""COCO: one document per image, joined into one dataset at the end."""

from __future__ import annotations

from pathlib import Path

from segcli.data import rle
from segcli.data.files import write_json_atomic
from segcli.data.formats.coco_writer import CocoDocument
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.promptable_files import place_image


def write(result: ImageResult, folder: Path) -> Path:
    """``<name>_coco.json``, and the image in ``coco/images``; see `promptable_files.join_coco`."""
    height, width = result.size
    document = CocoDocument(result.object_classes)
    image_id = document.add_image(place_image(folder / "coco", result.name, result.file, result.rgb), width, height)
    for one in result.objects:
        if one.mask.area_px:
            score = None if one.score is None else round(one.score, 6)
            box = rle.bounding_box(one.mask.code)
            document.add_object(image_id, one.label, one.mask.code, box, one.mask.area_px, score=score)
    path = result.path_in(folder, "_coco.json")
    write_json_atomic(path, document.values())
    return path
