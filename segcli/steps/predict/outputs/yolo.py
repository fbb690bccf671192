"""YOLO's segmentation layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from segcli.data.bridges import joined_ring
from segcli.data.files import write_text_atomic
from segcli.data.formats.yolo_writer import share_text
from segcli.steps.predict.found_object import FoundObject
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.promptable_files import place_image

_PART = "train"


def write(result: ImageResult, folder: Path) -> Path:
    """``yolo/labels/train/<name>.txt``, the image in ``yolo/images/train``, and ``yolo/data.yaml``."""
    root = folder / "yolo"
    place_image(root, Path(_PART) / result.name, result.file, result.rgb)
    lines = [line for one in result.objects if (line := _line(one, result.size)) is not None]
    path = result.path_in(root / "labels" / _PART, ".txt")
    write_text_atomic(path, "".join(lines))
    names = [json.dumps(name, ensure_ascii=False) for name in result.object_classes]
    listed = "".join(f"  {number}: {name}\n" for number, name in enumerate(names))
    write_text_atomic(root / "data.yaml", f"path: .\ntrain: images/{_PART}\nnames:\n{listed}")
    return path


def _line(one: FoundObject, size: tuple[int, int]) -> str | None:
    """The line of one object, whose parts and holes are joined by slits of zero width; None where there is none."""
    rings = [ring.astype(np.float64) for part in one.mask.outlines for ring in (part.outer, *part.holes)]
    if not rings:
        return None
    ring = joined_ring(rings) / (size[1], size[0])
    return " ".join([str(one.class_id), *map(share_text, ring.ravel().tolist())]) + "\n"
