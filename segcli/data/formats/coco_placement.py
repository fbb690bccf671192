"""Objects of a COCO file that belong to the wrong images, or whose outlines are not outlines, as all of them show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from segcli.data.formats.coco_object_rules import PlacedObject
from segcli.data.instances import Polygons
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding

FEWEST_IMAGES = 6
FEWEST_OBJECTS = 30
_CORNERS = 4
_SAME_PX = 0.01


def placement_findings(objects: Sequence[PlacedObject], images: Collection[int], file: str) -> Iterator[Finding]:
    """Reports objects that all belong to one image, outlines that repeat in many images, and boxes as outlines.

    Args:
        objects: All objects of the file.
        images: Ids of all its images.
        file: The annotation file, relative to the dataset.
    """
    by_image: dict[int, list[PlacedObject]] = defaultdict(list)
    for placed in objects:
        if placed.parsed.value is not None:
            by_image[placed.sample.image_id].append(placed)
    if len(by_image) == 1 and len(images) >= FEWEST_IMAGES and len(objects) >= FEWEST_IMAGES:
        (only,) = by_image
        message = (
            f"all {len(objects)} annotations belong to image id {only}, the other {len(images) - 1} images have none"
        )
        yield finding("C166", file, message)
        return
    yield from _repeated(by_image, file)
    yield from _boxes(objects, file)


def _repeated(by_image: dict[int, list[PlacedObject]], file: str) -> Iterator[Finding]:
    """One finding where most images have exactly the same outlines."""
    roughly = _largest(by_image, lambda placed: placed.parsed.around)
    if len(roughly) < FEWEST_IMAGES or 2 * len(roughly) <= len(by_image):
        return  # boxes are compared faster than outlines
    most = _largest({image_id: by_image[image_id] for image_id in roughly}, _as_key)
    if len(most) >= FEWEST_IMAGES and 2 * len(most) > len(by_image):
        others = counted(len(most) - 1, "other image")
        yield finding(
            "C167", file, f"image id {most[0]} and {others} of {len(by_image)} have exactly the same outlines"
        )


def _largest(by_image: Mapping[int, Iterable[PlacedObject]], key: Callable[[PlacedObject], object]) -> list[int]:
    """The largest group of images whose objects have the same keys."""
    alike: dict[frozenset[object], list[int]] = defaultdict(list)
    for image_id, own in by_image.items():
        alike[frozenset(map(key, own))].append(image_id)
    return max(alike.values(), key=len, default=[])


def _as_key(placed: PlacedObject) -> object:
    outline = placed.parsed.value.segmentation if placed.parsed.value is not None else ()
    return outline if isinstance(outline, tuple) else str(outline)


def _boxes(objects: Sequence[PlacedObject], file: str) -> Iterator[Finding]:
    """One finding where every outline is the upright rectangle around itself."""
    outlines = [placed.parsed.value.segmentation for placed in objects if placed.parsed.value is not None]
    polygons = [outline for outline in outlines if isinstance(outline, tuple)]
    if len(polygons) >= FEWEST_OBJECTS and len(polygons) == len(outlines) and all(map(_is_box, polygons)):
        message = f"all {len(polygons)} outlines are upright rectangles: boxes, written as outlines"
        yield finding("C168", file, message)


def _is_box(outline: Polygons) -> bool:
    if len(outline) != 1 or len(outline[0]) // 2 not in (_CORNERS, _CORNERS + 1):
        return False
    xs, ys = outline[0][0::2], outline[0][1::2]
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    return all(
        min(x - left, right - x) <= _SAME_PX and min(y - top, bottom - y) <= _SAME_PX
        for x, y in zip(xs, ys, strict=True)
    )
