"""Compares COCO boxes with their outlines and finds the convention of a box that does not match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from segcli.data.boxes import BoxLtwh

LOOSE_PX = 2.0
FITS_IOU = 0.5
SURELY_IOU = 0.9
"""Boxes may be loose; a box that matches this well under another convention was written in that convention."""

Size = tuple[int, int]
"""Width and height of the image in pixels."""

CORNERS = "[left, top, right, bottom]"
READINGS: dict[str, Callable[[BoxLtwh, Size], BoxLtwh]] = {
    CORNERS: lambda box, _: (box[0], box[1], box[2] - box[0], box[3] - box[1]),
    "[centre x, centre y, width, height]": lambda box, _: (box[0] - box[2] / 2, box[1] - box[3] / 2, box[2], box[3]),
    "[left, top, width, height] of the image at half its size": lambda box, _: _times(box, 2, 2),
    "[left, top, width, height] of the image at twice its size": lambda box, _: _times(box, 0.5, 0.5),
    "[left, top, half the width, half the height]": lambda box, _: (box[0], box[1], 2 * box[2], 2 * box[3]),
    "[top, left, height, width]": lambda box, _: (box[1], box[0], box[3], box[2]),
    "[left, top, width, height] between 0 and 1": lambda box, size: _times(box, *size),
    "[centre x, centre y, width, height] between 0 and 1": lambda box, size: _times(
        (box[0] - box[2] / 2, box[1] - box[3] / 2, box[2], box[3]), *size
    ),
}
"""Other conventions for the four numbers, by name, each with its conversion to left, top, width, height in pixels."""


@dataclass(frozen=True)
class Misfit:
    """A box that is not around its outline; `reading` is its convention, None where no known one matches."""

    reading: str | None


def misfit(given: BoxLtwh, outline: BoxLtwh, size: Size) -> Misfit | None:
    """Compares a box with that of the outline, both left, top, width, height in pixels; None when they match.

    Args:
        given: The box in the file.
        outline: Smallest box around the outline.
        size: Width and height of the image in pixels; both boxes are clipped to it.
    """
    (left, top, wide, high), limit = given, LOOSE_PX / 2
    if (
        abs(left - outline[0]) <= limit
        and abs(top - outline[1]) <= limit
        and abs(wide - outline[2]) <= limit
        and abs(high - outline[3]) <= limit
    ):
        return None  # the usual case; each side is within the limit, clipped or not
    around, plain = _inside(outline, size), _inside(given, size)
    if max(abs(one - other) for one, other in zip(around, plain, strict=True)) <= LOOSE_PX:
        return None
    overlap = _iou(around, plain)
    if overlap >= FITS_IOU:
        as_corners = _iou(around, _inside(READINGS[CORNERS](given, size), size))
        return Misfit(CORNERS) if as_corners > SURELY_IOU > overlap else None
    best, reading = max((_iou(around, _inside(read(given, size), size)), name) for name, read in READINGS.items())
    return Misfit(reading if best > SURELY_IOU else None)


def _times(box: BoxLtwh, x: float, y: float) -> BoxLtwh:
    return box[0] * x, box[1] * y, box[2] * x, box[3] * y


def _inside(box: BoxLtwh, size: Size) -> BoxLtwh:
    """Left, top, right and bottom of the box, clipped to the image."""
    left, top, wide, high = box
    width, height = size
    return (
        min(max(left, 0), width),
        min(max(top, 0), height),
        min(max(left + wide, 0), width),
        min(max(top + high, 0), height),
    )


def _iou(one: BoxLtwh, other: BoxLtwh) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    total = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - common
    return common / total if total > 0 else 0.0
