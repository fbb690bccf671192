"""Masks as COCO's run-length code: runs of 0 and 1 by turns, down the columns, written as a string.

The string packs 5 bits of a number a character, and from the fourth number on the difference to the number two before
(maskApi.c of the COCO API). Encoding is byte for byte that of pycocotools.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, cast

import numpy as np
from hotcoco import mask as _hotcoco_mask
from numpy.typing import NDArray
from pycocotools import mask as _pycocotools_mask

UInt8Array = NDArray[np.uint8]
Crop = tuple[UInt8Array, int, int]
"""Pixels [h, w] of the smallest rectangle around an object, with its left column and top row in the image."""

coco_mask: Any = _hotcoco_mask
"""pycocotools' mask functions in a faster make; its own types know no `TypedDict`."""


MOST_PX = (1 << 32) - 1
"""Of a mask: the tools' run lengths have 32 bits."""
_MOST_STRIP_PX = 1 << 20
"""Of the columns around a mask: up to here the tools decode them faster than runs are placed one by one."""


class Rle(TypedDict):
    """A mask of `size` [height, width]; `counts` as JSON and every COCO tool take it."""

    size: list[int]
    counts: str


def encode(mask: NDArray[Any]) -> Rle:
    """The code of a mask [H, W] of bool or 0 and 1."""
    height, width = mask.shape
    if mask.size == 0:
        return {"size": [height, width], "counts": "0"}
    return _as_rle(coco_mask.encode(np.asarray(mask, np.uint8)), height, width)


def encode_crop(crop: NDArray[Any], x: int, y: int, height: int, width: int) -> Rle:
    """The code of a mask that is 0 outside of a rectangle, without making the whole mask.

    Only the columns of the rectangle are encoded; the columns left and right of it lengthen the first and last run.

    Args:
        crop: [h, w] of bool or 0 and 1, inside the image.
        x: Column of the crop's left edge.
        y: Row of its upper edge.
        height: Rows of the whole mask.
        width: Columns of the whole mask.
    """
    rows, columns = crop.shape
    if rows == 0 or columns == 0:
        return empty(height, width)
    # one column of zeros more on the right, so that the last run is one of zeros
    zeros_after = x + columns < width
    strip = np.zeros((columns + zeros_after, height), np.uint8)
    strip[:columns, y : y + rows] = crop.T
    counts: bytes = coco_mask.encode(strip.T)["counts"]
    if x:
        counts = _lengthen_first(counts, x * height)
    if zeros_after:
        counts = _lengthen_last(counts, (width - x - columns - 1) * height)
    return {"size": [height, width], "counts": counts.decode("ascii")}


def empty(height: int, width: int) -> Rle:
    """A mask of zeros."""
    return {"size": [height, width], "counts": _number(height * width).decode("ascii")}


def decode(rle: Rle) -> UInt8Array:
    """The mask, uint8 [H, W] of 0 and 1."""
    if rle["size"][0] * rle["size"][1] == 0:
        return np.zeros(rle["size"], np.uint8)
    return cast(UInt8Array, coco_mask.decode(rle))


def decode_crop(rle: Rle) -> Crop | None:
    """The mask inside of the smallest rectangle around it; its cost does not depend on the size of the image.

    Returns:
        Mask, uint8 [h, w] of 0 and 1, column of its left edge and row of its upper edge; None when it is empty.
    """
    left, top, width, height = (int(side) for side in bounding_box(rle))
    if width == 0 or height == 0:
        return None
    if rle["size"][0] * width <= _MOST_STRIP_PX:
        return np.ascontiguousarray(_decode_columns(rle, left, width)[top : top + height]), left, top
    ends = np.cumsum(run_lengths(rle["counts"]))
    # the runs of ones, from the left edge of the rectangle on
    begins, ends = ends[0::2][: len(ends) // 2] - left * rle["size"][0], ends[1::2] - left * rle["size"][0]
    rows = rle["size"][0]
    if height < rows:
        # no run goes on in the next column, or the rectangle would be as high as the image
        column = begins // rows
        begins, ends = column * (height + 1) + begins % rows - top, column * (height + 1) + ends - column * rows - top
        rows = height + 1
    steps = np.zeros(width * rows + 1, np.int8)
    np.add.at(steps, begins, 1)
    np.add.at(steps, ends, -1)
    mask = np.cumsum(steps[:-1], dtype=np.int8).view(np.uint8).reshape(width, rows)[:, :height]
    return np.ascontiguousarray(mask.T), left, top


def _decode_columns(rle: Rle, left: int, count: int) -> UInt8Array:
    """The columns of a mask from `left` on, uint8 [H, count]; the others must be empty."""
    height, width = rle["size"]
    counts = _lengthen_first(rle["counts"].encode("ascii"), -left * height)
    after = width - left - count
    if after:
        counts = _lengthen_last(counts, -after * height)
    return cast(UInt8Array, coco_mask.decode({"size": [height, count], "counts": counts}))


def window_of(crop: Crop | None, size: Sequence[int], box: tuple[int, int, int, int]) -> UInt8Array:
    """The part of a decoded mask inside of a rectangle, uint8; what lies outside of the image is cut off.

    Args:
        crop: The mask inside of the smallest rectangle around it, as `decode_crop` gives it.
        size: Height and width of the image.
        box: Left, top, right and bottom of the rectangle in whole pixels; the last two lie outside of it.
    """
    (height, width), (left, top, right, bottom) = size, box
    left, top, right, bottom = min(left, width), min(top, height), min(right, width), min(bottom, height)
    window = np.zeros((max(0, bottom - top), max(0, right - left)), np.uint8)
    if crop is None or not window.size:
        return window
    mask, x, y = crop
    first_row, first_column = max(top, y), max(left, x)
    part = mask[first_row - y : max(bottom - y, 0), first_column - x : max(right - x, 0)]
    rows, columns = part.shape
    window[first_row - top : first_row - top + rows, first_column - left : first_column - left + columns] = part
    return window


def from_polygons(polygons: Iterable[Sequence[float]], height: int, width: int) -> Rle:
    """All pixels that lie in any of the polygons, as pycocotools fills them.

    Args:
        polygons: Each x1, y1, x2, y2, ... in pixels, at least three points.
        height: Rows of the mask.
        width: Columns of the mask.
    """
    parts = [coco_mask.fr_poly(list(polygon), height, width) for polygon in polygons]
    if not parts:
        return empty(height, width)
    return _as_rle(parts[0] if len(parts) == 1 else coco_mask.merge(parts), height, width)


def filled(polygons: Sequence[Sequence[float]], height: int, width: int) -> list[Rle]:
    """A mask per polygon, as `from_polygons` fills it; faster than one by one."""
    codes: Any = _pycocotools_mask.frPyObjects(polygons, height, width) if polygons else []
    return [_as_rle(code, height, width) for code in codes]


def union(rles: Sequence[Rle]) -> Rle:
    """All pixels of any of at least one mask, all of one size."""
    height, width = rles[0]["size"]
    return _as_rle(coco_mask.merge(list(rles)), height, width)


def overlaps(found: Sequence[Any], truth: Sequence[Any], crowds: Sequence[bool]) -> NDArray[np.float64]:
    """IoU of masks of one size, float64 [found, truth]; of a crowd the share of the found mask that it covers.

    pycocotools compares a third faster than hotcoco.
    """
    if not len(found) or not len(truth):
        return np.zeros((len(found), len(truth)))
    return np.asarray(_pycocotools_mask.iou(list(found), list(truth), list(crowds)), np.float64)


def area(rle: Rle) -> int:
    """Pixels of the mask."""
    return int(coco_mask.area(rle))


def bounding_box(rle: Rle) -> tuple[float, float, float, float]:
    """Left, top, width and height in pixels; zeros when the mask is empty."""
    x, y, width, height = (float(value) for value in coco_mask.to_bbox(rle))
    return x, y, width, height


def parse(segmentation: Mapping[str, Any]) -> Rle:
    """The code that a COCO file holds, checked so that it can be decoded safely.

    Args:
        segmentation: ``size`` and ``counts``, these as a string (compressed) or as numbers (uncompressed).

    Raises:
        ValueError: It is no run-length code, or its runs do not fill the mask.
    """
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if not isinstance(size, list | tuple) or len(size) != 2 or not all(type(side) is int and side > 0 for side in size):
        raise ValueError("size is not [height, width]")
    height, width = size
    if height * width > MOST_PX:
        raise ValueError(f"size is {width} x {height} px, larger than any image")
    if isinstance(counts, str | bytes):
        runs = run_lengths(counts)
    elif isinstance(counts, list) and all(type(count) is int for count in counts):
        if counts and (max(counts) > MOST_PX or min(counts) < 0):
            raise ValueError("a run has a negative length, or is longer than any image")
        runs = np.array(counts, np.int64)
    else:
        raise ValueError("counts are neither a string nor whole numbers")
    if (runs < 0).any() or (runs > MOST_PX).any():
        raise ValueError("a run has a negative length, or is longer than any image")
    if int(runs.sum()) != height * width:
        raise ValueError(f"runs add up to {int(runs.sum())} pixels, {width} x {height} px have {height * width}")
    if isinstance(counts, list):
        return {"size": [height, width], "counts": _pack(runs).decode("ascii")}
    return {"size": [height, width], "counts": counts if isinstance(counts, str) else counts.decode("ascii")}


def run_lengths(counts: str | bytes) -> NDArray[np.int64]:
    """Lengths of the runs, zeros first, int64; the inverse of the string's packing.

    Raises:
        ValueError: The string is cut off or holds other characters.
    """
    data = counts.encode("ascii", errors="replace") if isinstance(counts, str) else counts
    codes = np.frombuffer(data, np.uint8).astype(np.int64) - 48
    if codes.size == 0:
        return codes
    if codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise ValueError("the string of counts is damaged")
    last = np.flatnonzero((codes & 32) == 0)
    first = np.concatenate(([0], last[:-1] + 1))
    if (last - first).max() > 6:
        raise ValueError("the string of counts is damaged")
    place = np.arange(codes.size) - np.repeat(first, last - first + 1)
    values = np.add.reduceat((codes & 31) << (5 * place), first)
    values -= np.where(codes[last] & 16, np.int64(1) << (5 * (last - first + 1)), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def _pack(runs: NDArray[np.int64]) -> bytes:
    steps = runs.copy()
    steps[3:] -= runs[1:-2]
    return b"".join(_number(int(step)) for step in steps)


def _number(value: int) -> bytes:
    """One number: 5 bits per character, the lowest first, bit 6 says that more follow; the last bit 5 is the sign."""
    characters = bytearray()
    while True:
        bits = value & 31
        value >>= 5
        more = value != (-1 if bits & 16 else 0)
        characters.append((bits | 32 if more else bits) + 48)
        if not more:
            return bytes(characters)


def _value(characters: bytes) -> int:
    """The number that the characters encode."""
    bits = 0
    for character in reversed(characters):
        bits = bits << 5 | (character - 48) & 31
    return bits - (1 << (5 * len(characters))) if (characters[-1] - 48) & 16 else bits


def _lengthen_first(counts: bytes, pixels: int) -> bytes:
    end = 1
    while (counts[end - 1] - 48) & 32:
        end += 1
    return _number(_value(counts[:end]) + pixels) + counts[end:]


def _lengthen_last(counts: bytes, pixels: int) -> bytes:
    start = len(counts) - 1
    while start and (counts[start - 1] - 48) & 32:
        start -= 1
    return counts[:start] + _number(_value(counts[start:]) + pixels)


def _as_rle(code: Mapping[str, Any], height: int, width: int) -> Rle:
    counts = code["counts"]
    return {"size": [height, width], "counts": counts.decode("ascii") if isinstance(counts, bytes) else counts}
