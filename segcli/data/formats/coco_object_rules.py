"""Checks the objects of a COCO file together: a problem that most of them share is reported once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from segcli.data import rle
from segcli.data.boxes import xyxy_of
from segcli.data.formats.coco_objects import ParsedObject
from segcli.data.formats.coordinates import FEWEST_OUTSIDE, OUTSIDE_SHARE, Extents, Reading
from segcli.data.instances import InstanceSample
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.rules import finding

MOST_MEASURED = 100
"""Most objects per image and class that COCO's metric evaluates."""
MOST_TURNED, ROW_SHARE = 8, 0.5
"""Run-length codes that are read along rows for a test, and how much smaller the boxes of their masks then are."""
_BOX_FAULTS = frozenset({"C121", "C122", "C134"})
_DISAGREEMENTS = frozenset({"C122", "C134"})
_REPORTED_TOGETHER = frozenset({"C136", "C138"})
_OUTSIDE = frozenset({"C139"})
_FAULTS_OF_TOOLS = frozenset({"C123", "C124", "C125", "C128", "C130", "C135"})
FEWEST_SHARED = 3
"""From so many objects, or images, a fault that all of them have is reported once."""
EXPLAINS_NO_OBJECTS = frozenset(
    {"C104", "C107", "C124", "C125", "C127", "C128", "C131", "C132", "C136", "C139", "C143", "C156", "C158", "C159"}
)
"""Rules that may make every object of a file unusable."""


class PlacedObject(NamedTuple):
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
    with_faults = [placed for placed in objects if placed.parsed.faults]
    faulty = _by_fault(with_faults)
    yield from _normalised(faulty["C136"], objects, file)
    misread = list(_misread(objects, file))
    if misread:
        reported |= _BOX_FAULTS | _OUTSIDE
        yield from misread
    outside = list(_mostly_outside(faulty["C139"], objects, file)) if not misread else []
    if outside:
        reported |= _OUTSIDE | {"C121"}
        yield from outside
    bare = list(_without_outlines(faulty["C127"], objects, file))
    if bare:
        reported.add("C127")
        yield from bare
    by_rows = list(_row_by_row(with_faults, objects, file))
    if by_rows:
        reported |= _BOX_FAULTS
        yield from by_rows
    boxes = list(_mostly_wrong_boxes(with_faults, objects, file)) if not by_rows else []
    if boxes:
        reported |= _BOX_FAULTS
        yield from boxes
    yield from _wrong_areas(faulty["C138"], objects, file)
    shared = list(_shared_by_all(faulty, objects, file))
    reported |= {found.code for found in shared}
    yield from shared
    for placed in with_faults:
        for code, message in placed.parsed.faults:
            if code not in reported:
                place = f"annotation {placed.parsed.id}"
                yield finding(code, file, f"{message} ({placed.sample.image.name})", location=place)
    yield from _crowded(objects, file)


def _by_fault(objects: Iterable[PlacedObject]) -> defaultdict[str, list[PlacedObject]]:
    """The objects that have a fault, by rule."""
    found = defaultdict[str, list[PlacedObject]](list)
    for placed in objects:
        for code in dict.fromkeys(code for code, _ in placed.parsed.faults):
            found[code].append(placed)
    return found


def _shared_by_all(
    faulty: defaultdict[str, list[PlacedObject]], objects: Sequence[PlacedObject], file: str
) -> Iterator[Finding]:
    """One finding for a fault of the tool that wrote the file, which every object has."""
    for code in sorted(_FAULTS_OF_TOOLS):
        found = faulty[code]
        if len(found) >= FEWEST_SHARED and len(found) == len(objects):
            example = next(message for own, message in found[0].parsed.faults if own == code)
            message = f"{_of(found, objects)} ({_ids(found)}), such as annotation {found[0].parsed.id}: {example}"
            yield finding(code, file, message)


def _normalised(found: Sequence[PlacedObject], objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
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


def _mostly_outside(found: Sequence[PlacedObject], objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
    """One finding where many outlines lie outside, as those of larger images do."""
    around = [placed for placed in objects if placed.parsed.around is not None]
    if len(found) < FEWEST_OUTSIDE or len(found) < OUTSIDE_SHARE * len(around):
        return
    edges = [(xyxy_of(placed.parsed.around), placed.sample) for placed in around if placed.parsed.around is not None]
    wide = max(right / sample.width for (_, _, right, _), sample in edges)
    high = max(bottom / sample.height for (_, _, _, bottom), sample in edges)
    message = f"{_of(found, objects)} lie outside of their images ({_ids(found)})"
    if min(wide, high) > 1:
        message += f"; the outlines reach to {wide:.2g} times the width and {high:.2g} times the height"
    yield finding("C139", file, f"{message}: they seem to belong to images of another size")


def _without_outlines(found: Sequence[PlacedObject], objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
    """One finding where no object of several has an outline."""
    if len(found) > 1 and len(found) == len(objects) and all(placed.parsed.has_box for placed in found):
        message = f"none of {counted(len(found), 'annotation')} has an outline, only a box: data for object detection"
        hint = "label the outlines; a model for object detection needs none"
        yield finding("C127", file, message, hint=hint)


def _row_by_row(with_faults: Iterable[PlacedObject], objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
    """One finding where run-length codes seem to go along rows, so that objects spread over the whole image."""
    wrong = [placed for placed in with_faults if placed.parsed.misfit is not None and _is_coded(placed)]
    tested = wrong[:MOST_TURNED]
    if tested and 2 * len(wrong) > sum(map(_is_coded, objects)) and all(map(_is_by_row, tested)):
        message = f"the run-length codes of {_of(wrong, objects)} go along rows, those of COCO go down columns"
        yield finding("C128", file, f"{message} ({_ids(wrong)})")


def _is_coded(placed: PlacedObject) -> bool:
    return placed.parsed.value is not None and isinstance(placed.parsed.value.segmentation, dict)


def _is_by_row(placed: PlacedObject) -> bool:
    value, around = placed.parsed.value, placed.parsed.around
    if value is None or around is None or not isinstance(value.segmentation, dict):
        return False
    mask = rle.decode(value.segmentation)
    rows, columns = np.nonzero(mask.T.reshape(mask.shape))
    return bool(ROW_SHARE * around[2] * around[3] > (np.ptp(rows) + 1) * (np.ptp(columns) + 1))


def _mostly_wrong_boxes(
    with_faults: Iterable[PlacedObject], objects: Sequence[PlacedObject], file: str
) -> Iterator[Finding]:
    """One finding where most boxes do not match their outlines, which points to another convention."""
    wrong = [placed for placed in _with_boxes(with_faults) if _DISAGREEMENTS & dict(placed.parsed.faults).keys()]
    given = _with_boxes(objects) if wrong else []
    if 2 * len(wrong) <= len(given):
        return
    readings = Counter(placed.parsed.misfit.reading for placed in wrong if placed.parsed.misfit is not None)
    reading, number = readings.most_common(1)[0] if readings else (None, 0)
    how = f"; {number} were written as {reading}" if reading else ""
    example = next(message for code, message in wrong[0].parsed.faults if code in _DISAGREEMENTS)
    message = f"{_of(wrong, given)} have a bbox that is not around the outline{how}"
    yield finding("C137", file, f"{message} (annotation {wrong[0].parsed.id}: {example.partition(';')[0]})")


def _with_boxes(objects: Iterable[PlacedObject]) -> list[PlacedObject]:
    """The usable objects whose boxes the file gives."""
    return [placed for placed in objects if placed.parsed.has_box and placed.parsed.value is not None]


def _wrong_areas(found: Sequence[PlacedObject], objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
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


def _of(some: Sequence[PlacedObject], all_: Sequence[PlacedObject]) -> str:
    return f"{len(some)} of {counted(len(all_), 'object')}"


def _ids(objects: Sequence[PlacedObject]) -> str:
    return f"annotation {listed(objects, name=lambda placed: str(placed.parsed.id))}"
