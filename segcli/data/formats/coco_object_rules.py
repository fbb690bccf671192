"""Checks the objects of a COCO file together: a problem that most of them share is reported once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from segcli.data.boxes import BoxLtwh
from segcli.data.formats.coco_objects import ParsedObject, outline_box
from segcli.data.instances import InstanceObject, InstanceSample
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding

MOST_MEASURED = 100
"""Most objects per image and class that COCO's metric evaluates."""
NAMED = 5
_BOX_FAULTS = frozenset({"C121", "C122", "C134"})
_DISAGREEMENTS = frozenset({"C122", "C134"})
_REPORTED_TOGETHER = frozenset({"C136", "C138"})
EXPLAINS_NO_OBJECTS = frozenset({"C136"})
"""Rules that may make every object of a file unusable."""


@dataclass(frozen=True)
class PlacedObject:
    """An annotation and the image that it belongs to."""

    parsed: ParsedObject
    sample: InstanceSample


def object_findings(objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
    """Reports the problems of the objects of one file; one cause is one finding.

    Args:
        objects: All objects, in file order.
        file: The annotation file, relative to the dataset.
    """
    reported = set(_REPORTED_TOGETHER)
    yield from _normalised(objects, file)
    boxes = list(_mostly_wrong_boxes(objects, file))
    if boxes:
        reported |= _BOX_FAULTS
        yield from boxes
    yield from _wrong_areas(objects, file)
    for placed in objects:
        for code, message in placed.parsed.faults:
            if code not in reported:
                place = f"annotation {placed.parsed.id}"
                yield finding(code, file, f"{message} ({placed.sample.image.name})", location=place)
    yield from _repeated(objects, file)
    yield from _crowded(objects, file)


def _normalised(objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
    found = _with_fault(objects, "C136")
    if found:
        message = f"the outlines of {_of(found, objects)} lie between 0 and 1 ({_ids(found)})"
        yield finding("C136", file, message)


def _mostly_wrong_boxes(objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
    """One finding where most boxes do not match their outlines, which points to another convention."""
    given = [placed for placed in objects if placed.parsed.has_box and placed.parsed.value is not None]
    wrong = [placed for placed in given if any(code in _DISAGREEMENTS for code, _ in placed.parsed.faults)]
    if 2 * len(wrong) <= len(given):
        return
    readings = Counter(placed.parsed.misfit.reading for placed in wrong if placed.parsed.misfit is not None)
    reading, number = readings.most_common(1)[0] if readings else (None, 0)
    how = f"; {number} were written as {reading}" if reading else ""
    example = next(message for code, message in wrong[0].parsed.faults if code in _DISAGREEMENTS)
    message = f"{_of(wrong, given)} have a bbox that is not around the outline{how}"
    yield finding("C137", file, f"{message} (annotation {wrong[0].parsed.id}: {example.partition(';')[0]})")


def _wrong_areas(objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
    found = _with_fault(objects, "C138")
    if found:
        example = next(message for code, message in found[0].parsed.faults if code == "C138")
        message = f"{_of(found, objects)} ({_ids(found)}), such as annotation {found[0].parsed.id}: {example}"
        yield finding("C138", file, message)


def _repeated(objects: Iterable[PlacedObject], file: str) -> Iterator[Finding]:
    """Objects of one image with the same outline; all copies of an object are one finding."""
    first: dict[tuple[object, ...], PlacedObject] = {}
    copies: dict[tuple[object, ...], list[PlacedObject]] = {}
    for placed, value in _perhaps_repeated(objects):
        key = (placed.sample.image_id, *_outline_key(value))
        if key in first:
            copies.setdefault(key, []).append(placed)
        else:
            first[key] = placed
    for key, others in copies.items():
        original = first[key].parsed
        classes = {placed.parsed.value.class_id for placed in (first[key], *others) if placed.parsed.value}
        other = ", of another category" if len(classes) > 1 else ""
        message = f"has the same outline as annotation {original.id}{other} ({first[key].sample.image.name})"
        what = f"annotation {others[0].parsed.id}"
        if len(others) > 1:
            message = f"and {counted(len(others) - 1, 'more annotation')}: each {message}"
        yield finding("C120", file, message, location=what)


def _perhaps_repeated(objects: Iterable[PlacedObject]) -> list[tuple[PlacedObject, InstanceObject]]:
    """Objects that share their box with another one in the image; the others, nearly all, need no comparison."""
    boxes: Counter[tuple[object, ...]] = Counter()
    keyed = []
    for placed in objects:
        value, around = placed.parsed.value, placed.parsed.around
        if value is not None and around is not None:
            key = (placed.sample.image_id, *_rounded(around))
            boxes[key] += 1
            keyed.append((key, placed, value))
    return [(placed, value) for key, placed, value in keyed if boxes[key] > 1]


def _outline_key(value: InstanceObject) -> tuple[object, ...]:
    """A key that is equal for the same outline: same corners to a tenth of a pixel, or same pixels.

    Only objects with the same box, to a tenth of a pixel, are compared.
    """
    if not isinstance(value.segmentation, tuple):
        return (value.segmentation["counts"],)
    corners = tuple(sorted(round(number, 1) for ring in value.segmentation for number in ring))
    return (*_rounded(outline_box(value.segmentation)), corners)


def _rounded(box: BoxLtwh) -> tuple[float, ...]:
    return tuple(round(side, 1) for side in box)


def _crowded(objects: Iterable[PlacedObject], file: str) -> Iterator[Finding]:
    numbers = Counter(
        (placed.sample.image_id, placed.parsed.value.class_id)
        for placed in objects
        if placed.parsed.value is not None and not placed.parsed.value.is_crowd
    )
    over = [(count, image_id) for (image_id, _), count in numbers.items() if count > MOST_MEASURED]
    if over:
        count, image_id = max(over)
        images = counted(len({image for _, image in over}), "image")
        message = (
            f"{images} with more than {MOST_MEASURED} objects of one category, up to {count} (image id {image_id})"
        )
        yield finding("C161", file, message)


def _with_fault(objects: Iterable[PlacedObject], code: str) -> list[PlacedObject]:
    return [placed for placed in objects if any(own == code for own, _ in placed.parsed.faults)]


def _of(some: Sequence[PlacedObject], all_: Sequence[PlacedObject]) -> str:
    return f"{len(some)} of {counted(len(all_), 'object')}"


def _ids(objects: Sequence[PlacedObject]) -> str:
    named = ", ".join(str(placed.parsed.id) for placed in objects[:NAMED])
    return f"annotation {named}" + (", ..." if len(objects) > NAMED else "")
