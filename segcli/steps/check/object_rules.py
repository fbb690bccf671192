"""The rules on the objects of one image, for instance and promptable datasets: small functions and their table."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from segcli.data.same_outlines import Repeated
from segcli.plurals import counted
from segcli.steps.check.objects_view import ObjectFault, ObjectRule, ObjectsView

log = logging.getLogger("segcli.check")

SMALLEST_PX = 4
"""Area in square pixels below which an object is more likely a slip of the mouse."""


def crossed_outlines(view: ObjectsView) -> Iterator[ObjectFault]:
    """Yields outlines that cross themselves; logs those that are too large to test."""
    crossings, untested = view.crossings
    for number in sorted(untested):
        index, polygon = view.polygons[number]
        log.warning(
            "%s: %s has %d corners, too many close together to test for crossings",
            view.sample.image.name,
            view.sample.objects[index].place,
            len(polygon) // 2,
        )
    for number, (x, y) in sorted(crossings.items()):
        index, _ = view.polygons[number]
        yield "C126", view.sample.objects[index], f"its sides cross at x {x:.1f}, y {y:.1f}"


def specks(view: ObjectsView) -> Iterator[ObjectFault]:
    """Yields objects of almost no area; not if the outline crosses itself, as its areas cancel out."""
    for index, (value, area) in enumerate(zip(view.sample.objects, view.areas_px, strict=True)):
        if area < SMALLEST_PX and index not in view.crossed:
            yield "C129", value, f"its outline encloses {area:.3g} px"


def outlined_twice(view: ObjectsView) -> Iterator[ObjectFault]:
    """Yields objects that repeat the outline of another one; all copies of an object are one fault."""
    copies: dict[int, list[Repeated]] = {}
    for one in view.repeated:
        copies.setdefault(one.original, []).append(one)
    for original, repeats in copies.items():
        first, others = view.sample.objects[original], [view.sample.objects[one.index] for one in repeats]
        least = min(one.iou for one in repeats)
        how = "the same" if least == 1 else "nearly the same"
        detail = "" if least == 1 else f" (IoU {least:.2f})"
        if any(value.class_id != first.class_id for value in others):
            detail += ", of another category"
        message = f"has {how} outline as {first.place}{detail}"
        if len(others) > 1:
            message = f"and {counted(len(others) - 1, 'more annotation')}: each {message}"
        yield "C120", others[0], message


OBJECT_RULES: tuple[ObjectRule, ...] = (
    crossed_outlines,
    specks,
    outlined_twice,
)
"""Every rule on the objects of a single image, in the order of their findings."""


def object_faults(view: ObjectsView) -> Iterator[ObjectFault]:
    """Everything that is wrong with the objects of one image."""
    for rule in OBJECT_RULES:
        yield from rule(view)
