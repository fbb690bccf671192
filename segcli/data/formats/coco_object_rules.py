"""Checks the objects of a COCO file together: a problem that most of them share is reported once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from segcli.data.boxes import xyxy_of
from segcli.data.formats.coco_objects import ParsedObject
from segcli.data.formats.coordinates import Extents, Reading
from segcli.data.instances import InstanceSample
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding

MOST_MEASURED = 100
"""Most objects per image and class that COCO's metric evaluates."""
NAMED = 5
_BOX_FAULTS = frozenset({"C121", "C122", "C134"})
_DISAGREEMENTS = frozenset({"C122", "C134"})
_REPORTED_TOGETHER = frozenset({"C136", "C138"})
_OUTSIDE = frozenset({"C139"})
EXPLAINS_NO_OBJECTS = frozenset(
    {"C104", "C124", "C125", "C127", "C128", "C131", "C132", "C136", "C139", "C143", "C156"}
)
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
    misread = list(_misread(objects, file))
    if misread:
        reported |= _BOX_FAULTS | _OUTSIDE
        yield from misread
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
    yield from _crowded(objects, file)


def _normalised(objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
    found = _with_fault(objects, "C136")
    if found:
        message = f"the outlines of {_of(found, objects)} lie between 0 and 1 ({_ids(found)})"
        yield finding("C136", file, message)


def _misread(objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
    """One finding if the outlines of the whole file are not x, y in pixels of their images."""
    by_image: dict[int, list[PlacedObject]] = {}
    for placed in objects:
        if placed.parsed.around is not None:
            by_image.setdefault(placed.sample.image_id, []).append(placed)
    extents = Extents.of(
        ((own[0].sample.width, own[0].sample.height), (xyxy_of(one.parsed.around) for one in own if one.parsed.around))
        for own in by_image.values()
    )
    reading, number = extents.reading(), counted(len(extents.boxes), "image")
    if reading is Reading.PERCENT:
        yield finding("C155", file, f"the outlines of {number} are {reading.value}")
    elif reading is Reading.EXCHANGED:
        yield finding("C156", file, f"the outlines of {number} fit only if each pair is {reading.value}")
    elif reading is None and (reach := extents.reach()) is not None:
        share = f"{100 * reach[0]:.0f} % of the width and {100 * reach[1]:.0f} % of the height"
        yield finding("C157", file, f"no outline in {number} reaches beyond {share}")


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
