"""The rules on the objects of one image, for instance and promptable datasets: small functions and their table."""

from __future__ import annotations

import logging
from collections.abc import Iterator

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
            "%s: annotation %d has %d corners, too many close together to test for crossings",
            view.sample.image.name,
            view.sample.objects[index].annotation_id,
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


OBJECT_RULES: tuple[ObjectRule, ...] = (
    crossed_outlines,
    specks,
)
"""Every rule on the objects of a single image, in the order of their findings."""


def object_faults(view: ObjectsView) -> Iterator[ObjectFault]:
    """Everything that is wrong with the objects of one image."""
    for rule in OBJECT_RULES:
        yield from rule(view)
