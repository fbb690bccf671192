"""Label maps as files: palette PNG, overlay, JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.data import json_writer
from segcli.data.classes import ClassMap
from segcli.data.files import atomic_path, write_bytes_atomic
from segcli.data.image import Labels, RgbImage
from segcli.data.label_png import encode_label_png
from segcli.data.palette import png_palette
from segcli.errors import InputError
from segcli.report.overlay import overlay, with_legend

JsonForm = Literal["compact", "full"]
Counts = NDArray[np.int64]
"""Number of pixels per id of a label map, [256]."""

_JPEG_QUALITY = 92
_PNG_EFFORT = 3
"""PNG compression level: maps of grey values hardly become smaller with more effort."""
_ID_TEXT = tuple(map(str, range(256)))


def label_image(labels: Labels, classes: ClassMap) -> Image.Image:
    """A palette image: pixel values are class ids, the palette holds the colours."""
    rgb = Image.fromarray(labels).convert("L")
    rgb.putpalette(png_palette(len(classes)))
    return rgb


def overlay_image(rgb: RgbImage, labels: Labels, classes: ClassMap, counts: Counts) -> RgbImage:
    """The image with its label map drawn over it, and a legend of the classes that occur: RGB, uint8."""
    return with_legend(overlay(rgb, labels, classes), classes, map(int, np.flatnonzero(counts)))


def save_label_map(path: Path, labels: Labels, classes: ClassMap) -> None:
    """Writes the label map: as a lossless PNG whose pixel values are the ids; in other formats as colours."""
    if path.suffix.lower() == ".png":
        write_bytes_atomic(path, encode_label_png(labels, png_palette(len(classes))))
        return
    with atomic_path(path) as temporary:
        label_image(labels, classes).convert("RGB").save(temporary)


def save_grey(path: Path, values: Labels) -> Path:
    """Writes a map of grey values, uint8 [H, W], as PNG; returns the file."""
    with atomic_path(path) as temporary:
        Image.fromarray(values).save(temporary, "PNG", compress_level=_PNG_EFFORT)
    return path


def save_image(path: Path, rgb: RgbImage) -> None:
    """Writes an RGB image in the format given by the suffix; raises `InputError` if that is not possible."""
    drawn = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    encoded, data = cv2.imencode(path.suffix, drawn, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not encoded:
        raise InputError(f"cannot write a {path.suffix} image", path=path)
    write_bytes_atomic(path, data.tobytes())


def compact_values(
    values: Mapping[str, Any], size: tuple[int, ...], counts: Counts, classes: ClassMap
) -> dict[str, Any]:
    """A summary of a label map: its size, and the number of pixels per class that occurs."""
    total = int(counts.sum())
    return {
        "input_path": values["input_path"],
        "page_index": values["page_index"],
        "size": list(size),
        "classes": [
            {
                "id": int(class_id),
                "name": classes.name_of(int(class_id)),
                "pixels": int(counts[class_id]),
                "share": round(int(counts[class_id]) / total, 6),
            }
            for class_id in np.flatnonzero(counts)
        ],
    }


def full_json(values: Mapping[str, Any], labels: Labels, *, indent: int, ensure_ascii: bool) -> str:
    """PaddleX's JSON with every pixel in `pred` [1, H, W], one row of pixels per line.

    PaddleX writes one pixel per line: 41 MB and 13 s for 2048 x 1024, this 4 MB and 0.2 s.
    """
    frame = to_json({**values, "pred": "@"}, indent=indent, ensure_ascii=ensure_ascii)
    blank = " " * (2 * indent)
    rows = f",\n{blank}".join(_row_text(row) for row in labels)
    return frame.replace('"pred": "@"', f'"pred": [[\n{blank}{rows}]]')


def _row_text(row: NDArray[np.uint8]) -> str:
    return f"[{','.join(map(_ID_TEXT.__getitem__, row.tolist()))}]"


def to_json(values: Mapping[str, Any], *, indent: int | None, ensure_ascii: bool) -> str:
    """Indented JSON."""
    return json_writer.to_json(values, indent=indent, ensure_ascii=ensure_ascii)
