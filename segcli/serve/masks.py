"""Masks and images as values of a reply."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.formats.labelme_writer import labelme_document, outline_shapes
from segcli.data.image import Labels, RgbImage
from segcli.data.rle import Rle
from segcli.data.traced_mask import TracedMask
from segcli.steps.predict.instance_files import polygons

_JPEG_QUALITY = 90
_PNG_EFFORT = 1
"""Compression level: a higher one takes longer and makes masks hardly smaller."""


def rle_value(code: Rle) -> dict[str, Any]:
    """PaddleX's form of a run-length code."""
    return {"rleResult": code["counts"], "size": list(code["size"])}


def whole_value(mask: TracedMask) -> dict[str, Any]:
    """A mask as run-length code of the whole image."""
    return rle_value(mask.code)


def png_value(mask: TracedMask) -> dict[str, Any]:
    """A mask as PNG, 0 and 255."""
    return {"png": png_base64(rle.decode(mask.code) * np.uint8(255)), "size": list(mask.code["size"])}


def raw_value(mask: TracedMask) -> dict[str, Any]:
    """A mask as its pixels in base64, one byte per pixel, 0 or 1, row by row."""
    return {"raw": raw_base64(rle.decode(mask.code)), "size": list(mask.code["size"])}


def polygon_value(mask: TracedMask) -> dict[str, Any]:
    """A mask as polygons: its connected parts, each with an outer contour and holes."""
    return {"polygons": polygons(mask.outlines), "size": list(mask.code["size"])}


def labelme_shapes(mask: TracedMask) -> dict[str, Any]:
    """A mask as LabelMe shapes with an empty label; several parts share a group id."""
    return {"shapes": outline_shapes("", mask, 1), "size": list(mask.code["size"])}


MASK_FORMS: dict[str, Callable[[TracedMask], dict[str, Any]]] = {
    "rle": whole_value,
    "png": png_value,
    "raw": raw_value,
    "polygon": polygon_value,
    "labelMe": labelme_shapes,
}
"""By `maskFormat`: encodes a mask of the image's size."""


def raw_base64(pixels: NDArray[np.uint8]) -> str:
    """Pixels in base64, row by row."""
    return base64.b64encode(np.ascontiguousarray(pixels).data).decode("ascii")


def png_base64(pixels: NDArray[np.uint8]) -> str:
    """A grey image as PNG in base64."""
    return _encoded(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_EFFORT])


def jpeg_base64(rgb: RgbImage) -> str:
    """An RGB image as JPEG in base64."""
    return _encoded(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])


def _encoded(suffix: str, pixels: NDArray[Any], settings: list[int]) -> str:
    _, data = cv2.imencode(suffix, pixels, settings)
    return base64.b64encode(data.tobytes()).decode("ascii")


def label_map_text(labels: Labels) -> bytes:
    """The ids of all pixels as a flat JSON list.

    Every id is padded with blanks to the same width, so that one table lookup writes all of them: 5 ms for 2 million
    pixels, where Python's json module takes 150 ms.
    """
    width = 1 + len(str(int(labels.max(initial=0))))
    texts = [f"{value},".ljust(width)[:width] for value in range(10 ** (width - 1))][:256]
    table = np.frombuffer("".join(texts).encode(), np.uint8).reshape(-1, width)
    joined = table[labels.reshape(-1)].tobytes().rstrip(b" ")
    return b"[" + joined[:-1] + b"]"


def label_codes(labels: Labels) -> dict[int, Rle]:
    """A run-length code for each class that occurs."""
    ids = np.flatnonzero(np.bincount(labels.reshape(-1), minlength=1))
    return {int(class_id): rle.encode(labels == class_id) for class_id in ids}


def labelme_value(named: Iterable[tuple[str, TracedMask]], rgb: RgbImage) -> dict[str, Any]:
    """A LabelMe document of named masks; its image path is a placeholder that the client replaces.

    Args:
        named: Names and masks of the image's size.
        rgb: The image.
    """
    shapes = [
        shape for number, (name, mask) in enumerate(named, start=1) for shape in outline_shapes(name, mask, number)
    ]
    return labelme_document("image.png", rgb.shape[1], rgb.shape[0], shapes)
