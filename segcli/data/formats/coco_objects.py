"""One annotation of a COCO file: outline, box and area are made usable, and what is wrong with them is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from segcli.data import rle
from segcli.data.instances import Box, InstanceObject, Polygons
from segcli.data.polygons import polygons_area, polygons_box
from segcli.data.rle import Rle

OUTSIDE_PX = 1.0
"""How far a box may reach over the border: what rounding explains is no fault."""

Fault = tuple[str, str]
"""Code and message."""


@dataclass(frozen=True)
class ParsedObject:
    """An annotation; `value` is None where it cannot be used at all."""

    value: InstanceObject | None
    faults: tuple[Fault, ...]


def parse_object(entry: Mapping[str, Any], class_id: int, width: int, height: int) -> ParsedObject:
    """Reads one annotation.

    Args:
        entry: Of the list `annotations`; its `id` is a whole number.
        class_id: Class of its category.
        width: Of the image, in pixels.
        height: Of the image, in pixels.
    """
    faults: list[Fault] = []
    outline = _outline(entry.get("segmentation"), width, height, faults)
    if outline is None:
        return ParsedObject(None, tuple(faults))
    box = _box(entry, outline, width, height, faults)
    area = _area(entry, outline, faults)
    crowd = bool(entry.get("iscrowd", 0))
    return ParsedObject(InstanceObject(entry["id"], class_id, box, area, outline, crowd), tuple(faults))


def outline_box(outline: Polygons | Rle) -> Box:
    """Smallest box around an outline: left, top, width, height in pixels."""
    return polygons_box(outline) if isinstance(outline, tuple) else rle.bounding_box(outline)


def outline_area(outline: Polygons | Rle) -> float:
    """Area of an outline in square pixels."""
    return polygons_area(outline) if isinstance(outline, tuple) else float(rle.area(outline))


def _outline(segmentation: Any, width: int, height: int, faults: list[Fault]) -> Polygons | Rle | None:
    if not segmentation:
        faults.append(("C127", "segmentation is missing" if segmentation is None else "segmentation is empty"))
        return None
    if isinstance(segmentation, dict):
        return _code(segmentation, width, height, faults)
    if not isinstance(segmentation, list):
        faults.append(("C125", f"segmentation is a {type(segmentation).__name__}"))
        return None
    if isinstance(segmentation[0], int | float):
        faults.append(("C125", "segmentation is one list of numbers, not a list of polygons"))
        return None
    rings = []
    for number, ring in enumerate(segmentation, start=1):
        fault = _ring_fault(ring)
        if fault is None:
            rings.append(tuple(map(float, ring)))
        else:
            faults.append((fault[0], f"polygon {number} of {len(segmentation)} {fault[1]}"))
    return tuple(rings) or None


def _code(segmentation: Mapping[str, Any], width: int, height: int, faults: list[Fault]) -> Rle | None:
    try:
        code = rle.parse(segmentation)
    except ValueError as error:
        faults.append(("C128", str(error)))
        return None
    if code["size"] != [height, width]:
        rows, columns = code["size"]
        faults.append(("C128", f"the code is of {columns} x {rows} px, the image of {width} x {height} px"))
        return None
    if rle.area(code) == 0:
        faults.append(("C127", "the run-length code holds no pixel"))
        return None
    return code


def _ring_fault(ring: Any) -> Fault | None:
    if not isinstance(ring, list):
        return "C125", f"is a {type(ring).__name__}"
    if len(ring) % 2:
        return "C125", f"has {len(ring)} coordinates, an odd number"
    if not _all_numbers(ring):
        return "C125", "holds values that are no numbers"
    if len(ring) < 6:
        return "C124", f"has {len(ring) // 2} points"
    return None


def _all_numbers(values: list[Any]) -> bool:
    """Whether all are finite numbers; a sum with one that is not finite is not finite."""
    return set(map(type, values)) <= {int, float} and isfinite(sum(values))


def _box(entry: Mapping[str, Any], outline: Polygons | Rle, width: int, height: int, faults: list[Fault]) -> Box:
    given = entry.get("bbox")
    if given is None:
        faults.append(("C123", "bbox is missing"))
        return outline_box(outline)
    if not isinstance(given, list) or len(given) != 4 or not _all_numbers(given):
        faults.append(("C122", f"bbox {given} is not [left, top, width, height]"))
        return outline_box(outline)
    left, top, wide, high = map(float, given)
    if wide <= 0 or high <= 0:
        faults.append(("C122", f"bbox {_short(given)} has no area"))
        return outline_box(outline)
    if left >= width or top >= height or left + wide <= 0 or top + high <= 0:
        faults.append(("C122", f"bbox {_short(given)} lies outside of the image of {width} x {height} px"))
        return outline_box(outline)
    beyond = max(-left, -top, left + wide - width, top + high - height)
    if beyond > OUTSIDE_PX:
        faults.append(
            ("C121", f"bbox {_short(given)} reaches {beyond:.1f} px over the border of {width} x {height} px")
        )
    return left, top, wide, high


def _area(entry: Mapping[str, Any], outline: Polygons | Rle, faults: list[Fault]) -> float:
    given = entry.get("area")
    if isinstance(given, int | float) and isfinite(given) and given > 0:
        return float(given)
    faults.append(("C130", "area is missing" if given is None else f"area is {given}"))
    return outline_area(outline)


def _short(box: list[float]) -> str:
    return "[" + ", ".join(f"{value:.6g}" for value in box) + "]"
