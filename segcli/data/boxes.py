"""Boxes: the name of the type says which numbers a box holds."""

from __future__ import annotations

FAR_PX = float(1 << 24)
"""No image has a side of this length, so that a coordinate beyond it is a slip."""

BoxLtwh = tuple[float, float, float, float]
"""Left, top, width and height in pixels, as COCO writes boxes."""
BoxXyxy = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels, as networks, prompts and PaddleX write them."""


def xyxy_of(box: BoxLtwh) -> BoxXyxy:
    """The corners of a box.

    >>> xyxy_of((10, 20, 30, 40))
    (10, 20, 40, 60)
    """
    left, top, width, height = box
    return left, top, left + width, top + height


def ltwh_of(box: BoxXyxy) -> BoxLtwh:
    """The size of a box in place of its right and lower side.

    >>> ltwh_of((10, 20, 40, 60))
    (10, 20, 30, 40)
    """
    left, top, right, bottom = box
    return left, top, right - left, bottom - top
