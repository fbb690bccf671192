"""Parses one COCO annotation: makes outline, box and area usable, and reports their problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

from segcli.data import rle
from segcli.data.boxes import FAR_PX, BoxLtwh
from segcli.data.formats.coco_boxes import LOOSE_PX, Misfit, misfit
from segcli.data.formats.coco_outlines import LEAST_CORNERS, NUMBERS, Outline
from segcli.data.formats.coordinates import LEAST_SIDE_PX
from segcli.data.instances import InstanceObject, Polygons
from segcli.data.polygons import polygons_area, polygons_box, ring_area
from segcli.data.rle import Rle

OUTSIDE_PX = 1.0
"""How far a box may extend over the border, in pixels: rounding is not a fault."""

AREA_SHARE = 0.1
"""Tolerance of an area, in addition to the difference between counting pixels and measuring the outline."""
SHOWN = 60
"""Most characters of a value that a message quotes."""
_NEAR_PX = 0.4 * LOOSE_PX
"""How far sides of a box and its outline may differ so that they surely match: each edge by less than `LOOSE_PX`."""
_UNSET = (None, 0)
_FLAGS = {"0": False, "false": False, "": False, "none": False, "1": True, "true": True}

Fault = tuple[str, str]
"""Rule id and message."""


class ParsedObject(NamedTuple):
    """An annotation; a tuple, as one is made for each of very many.

    Attributes:
        id: Its id in the file.
        value: The object; None where it cannot be used.
        faults: What is wrong with it.
        has_box: Whether the file gives a box.
        misfit: The convention of its box, where the box does not match the outline.
        around: Smallest box around the outline; None where there is no outline.
    """

    id: int
    value: InstanceObject | None
    faults: tuple[Fault, ...]
    has_box: bool = False
    misfit: Misfit | None = None
    around: BoxLtwh | None = None


def parse_object(
    entry: Mapping[str, Any], class_id: int, width: int, height: int, measured: Outline | None = None
) -> ParsedObject:
    """Reads one annotation.

    Args:
        entry: An item of `annotations` whose `id` is an integer.
        class_id: Class id of its category.
        width: Image width, in pixels.
        height: Image height, in pixels.
        measured: Its outline, where that is known.
    """
    faults: list[Fault] = []
    outline = measured or _outline(entry.get("segmentation"), width, height, faults)
    if outline is not None and not faults and _is_sound(entry, outline, width, height):
        left, top, wide, high = map(float, entry["bbox"])
        value = InstanceObject(entry["id"], class_id, (left, top, wide, high), float(entry["area"]), outline.shape)
        return ParsedObject(entry["id"], value, (), True, None, outline.around)
    if outline is None:
        return ParsedObject(entry["id"], None, tuple(faults), entry.get("bbox") is not None)
    shape, around = outline.shape, outline.around
    place = _place_fault(around, width, height) if isinstance(shape, tuple) else None
    if place is not None:
        return ParsedObject(entry["id"], None, (*faults, place), around=around)
    crowd = is_crowd(entry, faults)
    box, wrong = _box(entry, around, (width, height), faults, is_crowd=crowd)
    area = _area(entry, outline, (width, height), faults)
    ignored = _is_set(entry.get("ignore"))
    value = InstanceObject(entry["id"], class_id, around if wrong else box, area, shape, crowd, ignored)
    return ParsedObject(entry["id"], value, tuple(faults), entry.get("bbox") is not None, wrong, around)


def _is_sound(entry: Mapping[str, Any], outline: Outline, width: int, height: int) -> bool:
    """Whether an annotation surely has no fault and is no crowd, as most: told in a third of the time of all rules.

    Both its outline and its box lie in the image and nearly agree; the area agrees with the outline's.
    """
    box = entry.get("bbox")
    given = [*box, entry.get("area")] if isinstance(box, list) else []
    if len(given) != 5 or not NUMBERS.issuperset(map(type, given)):
        return False
    (left, top, wide, high, area), (x, y, own_wide, own_high) = given, outline.around
    return (
        own_wide > LOOSE_PX < own_high
        and x >= 0 <= y
        and x + own_wide <= width
        and y + own_high <= height
        # integers that no float can hold may be compared, but not added
        and x - _NEAR_PX <= left <= x + _NEAR_PX
        and y - _NEAR_PX <= top <= y + _NEAR_PX
        and own_wide - _NEAR_PX <= wide <= own_wide + _NEAR_PX
        and own_high - _NEAR_PX <= high <= own_high + _NEAR_PX
        and left >= 0 <= top
        and left + wide <= width
        and top + high <= height
        and entry.get("iscrowd") in _UNSET
        and entry.get("ignore") in _UNSET
        and area > 0
        and _fits(area, outline)
    )


def _fits(area: float, outline: Outline) -> bool:
    """Whether an area is about that of an outline."""
    _, _, wide, high = outline.around
    own = sum(outline.areas_px)
    loose = AREA_SHARE * own + wide + high
    # which polygons are holes is unknown: accept from "the largest minus the others" to "all added"
    return bool(2 * max(outline.areas_px) - own - loose <= area <= own + loose)


def is_crowd(entry: Mapping[str, Any], faults: list[Fault] | None = None) -> bool:
    """Whether an annotation is a crowd; some tools write the flag as text, where "0" means false."""
    flag = entry.get("iscrowd", 0)
    if flag is None or (isinstance(flag, bool | int | float) and flag in (0, 1)):
        return bool(flag)
    read = _is_set(flag)
    if faults is not None:
        faults.append(("C135", f"iscrowd is {_shown(flag)}, not 0 or 1; read as {int(read)}"))
    return read


def _is_set(flag: Any) -> bool:
    return flag is not None and bool(_FLAGS.get(str(flag).strip().lower()))


def outline_box(outline: Polygons | Rle) -> BoxLtwh:
    """Smallest box around an outline: left, top, width, height in pixels."""
    return polygons_box(outline) if isinstance(outline, tuple) else rle.bounding_box(outline)


def outline_area(outline: Polygons | Rle) -> float:
    """Area of an outline in square pixels."""
    return polygons_area(outline) if isinstance(outline, tuple) else float(rle.area(outline))


def _outline(segmentation: Any, width: int, height: int, faults: list[Fault]) -> Outline | None:
    shape = _shape(segmentation, width, height, faults)
    if shape is None:
        return None
    areas = [ring_area(ring) for ring in shape] if isinstance(shape, tuple) else [float(rle.area(shape))]
    return Outline(shape, outline_box(shape), areas)


def _shape(segmentation: Any, width: int, height: int, faults: list[Fault]) -> Polygons | Rle | None:
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
        faults.append(("C128", f"the run-length code is {columns} x {rows} px, the image {width} x {height} px"))
        return None
    if rle.area(code) == 0:
        faults.append(("C127", "the run-length code holds no pixel"))
        return None
    return code


def _ring_fault(ring: Any) -> Fault | None:
    if not isinstance(ring, list):
        return "C125", f"is a {type(ring).__name__}"
    kinds = set(map(type, ring))
    if kinds & {list, dict}:
        return "C125", "is a list of pairs, not of numbers"
    if len(ring) % 2 or not (kinds <= NUMBERS and _is_finite(ring)):
        odd = f"has {len(ring)} coordinates, an odd number"
        return "C125", odd if len(ring) % 2 else "holds values that are no numbers"
    if ring and (max(ring) > FAR_PX or min(ring) < -FAR_PX):
        return "C125", "has a corner further away than any image reaches"
    if len(ring) < 2 * LEAST_CORNERS:
        return "C124", f"has {len(ring) // 2} points"
    return None


def _all_numbers(values: list[Any]) -> bool:
    return set(map(type, values)) <= NUMBERS and _is_finite(values)


def _is_finite(numbers: list[float]) -> bool:
    """Whether all numbers are finite: their sum is finite only then."""
    try:
        return isfinite(sum(numbers))
    except OverflowError:  # an integer that no float can hold
        return False


def _place_fault(around: BoxLtwh, width: int, height: int) -> Fault | None:
    """The fault of polygons that lie wholly outside the image."""
    left, top, wide, high = around
    right, bottom = left + wide, top + high
    if min(left, top) >= 0 and max(right, bottom) <= 1 and min(width, height) >= LEAST_SIDE_PX:
        return "C136", f"the outline lies in {_short([left, top, wide, high])}"
    if left >= width or top >= height or right <= 0 or bottom <= 0:
        return "C139", f"the outline lies in {_short([left, top, wide, high])}, the image has {width} x {height} px"
    return None


def _box(
    entry: Mapping[str, Any], around: BoxLtwh, size: tuple[int, int], faults: list[Fault], *, is_crowd: bool
) -> tuple[BoxLtwh, Misfit | None]:
    """The box to use, and its convention where it does not match the outline."""
    given, (width, height) = entry.get("bbox"), size
    if given is None:
        faults.append(("C123", "bbox is missing"))
        return around, None
    if not isinstance(given, list) or len(given) != 4 or not _all_numbers(given):
        faults.append(("C122", f"bbox {_shown(given)} is not [left, top, width, height]"))
        return around, None
    left, top, wide, high = map(float, given)
    box = (left, top, wide, high)
    wrong = misfit(box, around, size) if not is_crowd else None
    if wide <= 0 or high <= 0:
        faults.append(("C122", f"bbox {_short(given)} has no area"))
        return around, wrong
    if left >= width or top >= height or left + wide <= 0 or top + high <= 0:
        faults.append(("C122", f"bbox {_short(given)} lies outside of the image of {width} x {height} px"))
        return around, wrong
    if wrong is not None:
        how = f"; it was written as {wrong.reading}" if wrong.reading else ""
        message = f"bbox {_short(given)}, but the outline lies in {_short(list(around))}{how}"
        faults.append(("C134", f"{message}; the outline's box is used"))
        return around, wrong
    beyond = max(-left, -top, left + wide - width, top + high - height)
    if beyond > OUTSIDE_PX:
        faults.append(
            ("C121", f"bbox {_short(given)} reaches {beyond:.1f} px over the border of {width} x {height} px")
        )
    return box, None


def _area(entry: Mapping[str, Any], outline: Outline, size: tuple[int, int], faults: list[Fault]) -> float:
    given, own = entry.get("area"), sum(outline.areas_px)
    if not isinstance(given, int | float) or not _all_numbers([given]) or given <= 0:
        faults.append(("C130", "area is missing" if given is None else f"area is {_shown(given)}"))
        return own
    if _fits(given, outline):
        return float(given)
    if isinstance(outline.shape, tuple):
        _, _, wide, high = outline.around
        # where sides cross, the area formula cancels out regions that the pixels contain
        own = float(rle.area(rle.from_polygons(outline.shape, size[1], size[0])))
        if abs(given - own) <= AREA_SHARE * own + wide + high:
            return float(given)
    faults.append(("C138", f"area is {given:.6g}, its outline encloses {own:.6g} px; that is used"))
    return own


def _shown(value: Any) -> str:
    """A value of unknown type and length, for a message."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return "a number of thousands of digits"
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _short(box: Sequence[float]) -> str:
    return "[" + ", ".join(f"{value:.6g}" for value in box) + "]"
