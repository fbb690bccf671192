"""LabelMe: polygons to correct by hand, as a dataset for training."""

from __future__ import annotations

from pathlib import Path

from segcli.data.files import write_json_atomic
from segcli.data.formats.labelme_writer import labelme_document, outline_shapes
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.promptable_files import place_image


def write(result: ImageResult, folder: Path) -> Path:
    """``labelme/annotations/<name>.json``, and the image in ``labelme/images``."""
    height, width = result.size
    root = folder / "labelme"
    path = result.path_in(root / "annotations", ".json")
    up = "../" * (len(result.name.parts))
    image = f"{up}images/{place_image(root, result.name, result.file, result.rgb)}"
    shapes = [
        shape
        for number, one in enumerate(result.objects, start=1)
        for shape in outline_shapes(
            one.label, one.mask, number, description="" if one.score is None else f"score {one.score:.4f}"
        )
    ]
    write_json_atomic(path, labelme_document(image, width, height, shapes))
    return path
