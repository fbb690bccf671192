"""One look at one image with its objects: the file is decoded once, the outlines are tested, all in threads."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from segcli.data import rle
from segcli.data.image import IMAGE_SUFFIXES
from segcli.data.instances import InstanceSample
from segcli.data.polygons import Sides, crossings_within
from segcli.data.samples import Split
from segcli.findings import Finding
from segcli.rules import finding
from segcli.steps.check.files import Fault, FileFacts, ImageRules, content_faults, file_faults, inspect_image_file

log = logging.getLogger("segcli.check")

IMAGE_RULES = ImageRules(damaged="C110", pages="C171", bands="C172", dim="C173")
SMALLEST_PX = 4
"""Area below which an object is more likely a slip than an object."""

ObjectFault = tuple[str, int, str]
"""Code, annotation id, message."""


@dataclass(frozen=True)
class ImageFacts:
    """What is known of one image and its objects.

    Attributes:
        sample: The image.
        split: Its part.
        file: Its file.
        faults: What is wrong with its objects.
    """

    sample: InstanceSample
    split: Split
    file: FileFacts
    faults: tuple[ObjectFault, ...]


def inspect_image(sample: InstanceSample, split: Split) -> ImageFacts:
    """Decodes an image and tests its outlines. Raises nothing: what is wrong is in the facts."""
    return ImageFacts(sample, split, inspect_image_file(sample.image), tuple(object_faults(sample)))


def object_faults(sample: InstanceSample) -> Iterator[ObjectFault]:
    """Outlines that cross themselves, and specks. The area between crossed sides cancels out, so it is not tested."""
    owners: list[int] = []
    rings: list[tuple[float, ...]] = []
    for index, value in enumerate(sample.objects):
        if isinstance(value.segmentation, tuple):
            owners.extend([index] * len(value.segmentation))
            rings.extend(value.segmentation)
    sides = Sides.of(rings)
    crossings, untested = crossings_within(sides)
    for ring in sorted(untested):
        log.warning(
            "%s: annotation %d has %d corners, too many side by side to look for crossings",
            sample.image.name,
            sample.objects[owners[ring]].annotation_id,
            len(rings[ring]) // 2,
        )
    crossed = {owners[ring] for ring in crossings}
    for ring, (x, y) in sorted(crossings.items()):
        yield "C126", sample.objects[owners[ring]].annotation_id, f"its sides cross at x {x:.1f}, y {y:.1f}"
    drawn = np.bincount(np.array(owners, np.intp), sides.areas(), minlength=len(sample.objects))
    for index, (value, polygon_area) in enumerate(zip(sample.objects, drawn.tolist(), strict=True)):
        area = polygon_area if isinstance(value.segmentation, tuple) else rle.area(value.segmentation)
        if area < SMALLEST_PX and index not in crossed:
            yield "C129", value.annotation_id, f"its outline encloses {area:.3g} px"


def image_findings(facts: ImageFacts, name: str, annotation_file: str) -> Iterator[Finding]:
    """Everything that is wrong with one image; both names are relative to the dataset."""
    place = f"{annotation_file} image id {facts.sample.image_id}"
    for code, path, message, hint in (
        *file_faults(facts.file, cut="C113", broken="C112", path=name),
        *content_faults(facts.file, IMAGE_RULES, name),
        *_image_faults(facts, name),
    ):
        yield finding(code, path, message, location=place, hint=hint)
    for code, annotation_id, message in facts.faults:
        location = f"annotation {annotation_id}"
        yield finding(code, annotation_file, f"{message} ({facts.sample.image.name})", location=location)


def _image_faults(facts: ImageFacts, name: str) -> Iterator[Fault]:
    header = facts.file.header
    if header is None:
        return
    if facts.sample.image.suffix.lower() not in IMAGE_SUFFIXES:
        yield "C118", name, f"suffix {facts.sample.image.suffix or 'missing'}, content {header.format}", None
    said = (facts.sample.width, facts.sample.height)
    if said != header.size:
        turned = header.orientation >= 5 and said == header.stored_size
        hint = f"EXIF orientation {header.orientation} turns the image: turn the outlines with it" if turned else None
        width, height = header.size
        yield "C114", name, f"{said[0]} x {said[1]} px are written, the file has {width} x {height} px", hint
