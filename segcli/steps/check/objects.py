"""One look at one image with its objects: the file is decoded once, the outlines are tested, all in threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from segcli.data import rle
from segcli.data.formats.coco import ANNOTATION_FILES
from segcli.data.formats.coco_objects import outline_box
from segcli.data.image import IMAGE_SUFFIXES
from segcli.data.instances import Box, InstanceObject, InstanceSample
from segcli.data.polygons import Sides, self_crossings
from segcli.data.samples import Split
from segcli.findings import Finding
from segcli.rules import finding
from segcli.steps.check.files import Fault, FileFacts, decoding_fault, digest, file_faults, load_file

SMALLEST_PX = 4
"""Area below which an object is more likely a slip than an object."""
LOOSE_PX = 2.0
FITS_IOU = 0.5
SURELY_IOU = 0.9
"""Boxes may be drawn loosely around outlines; one that fits this well when read another way was meant that way."""

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
        digest: Of the ends and the length of the file; None when it cannot be read.
    """

    sample: InstanceSample
    split: Split
    file: FileFacts
    faults: tuple[ObjectFault, ...]
    digest: bytes | None = None


def inspect_image(sample: InstanceSample, split: Split) -> ImageFacts:
    """Decodes an image and tests its outlines. Raises nothing: what is wrong is in the facts."""
    data, file = load_file(sample.image)
    if file.is_whole:
        file = replace(file, fault=decoding_fault(data, sample.image))
    return ImageFacts(sample, split, file, tuple(object_faults(sample)), digest(data) if data else None)


def object_faults(sample: InstanceSample) -> Iterator[ObjectFault]:
    """Outlines that cross themselves, specks, and boxes that belong to something else."""
    owners: list[int] = []
    rings: list[tuple[float, ...]] = []
    for index, value in enumerate(sample.objects):
        if isinstance(value.segmentation, tuple):
            owners.extend([index] * len(value.segmentation))
            rings.extend(value.segmentation)
    sides = Sides.of(rings)
    for ring, (x, y) in sorted(self_crossings(sides).items()):
        yield "C126", sample.objects[owners[ring]].annotation_id, f"its sides cross at x {x:.1f}, y {y:.1f}"
    drawn = np.bincount(np.array(owners, np.intp), sides.areas(), minlength=len(sample.objects))
    for value, polygon_area in zip(sample.objects, drawn.tolist(), strict=True):
        area = polygon_area if isinstance(value.segmentation, tuple) else rle.area(value.segmentation)
        if area < SMALLEST_PX:
            yield "C129", value.annotation_id, f"its outline encloses {area:.3g} px"
        if not value.is_crowd:
            yield from box_faults(value, sample)


def box_faults(value: InstanceObject, sample: InstanceSample) -> Iterator[ObjectFault]:
    """A box that is not around the outline, which for most readers of the data is another object."""
    around = _clipped(_corners(outline_box(value.segmentation)), sample)
    given = _clipped(_corners(value.box), sample)
    if max(abs(one - other) for one, other in zip(around, given, strict=True)) <= LOOSE_PX:
        return
    overlap, as_corners = _iou(around, given), _iou(around, _clipped(value.box, sample))
    mistaken = as_corners > SURELY_IOU > overlap
    if overlap >= FITS_IOU and not mistaken:
        return
    message = f"bbox {_listed(value.box)}, but the outline lies in {_listed(outline_box(value.segmentation))}"
    if mistaken:
        message += "; it was written as [left, top, right, bottom]"
    yield "C134", value.annotation_id, message


def image_findings(facts: ImageFacts, name: str) -> Iterator[Finding]:
    """Everything that is wrong with one image; `name` is its file's, relative to the dataset."""
    annotation_file = ANNOTATION_FILES[facts.split]
    place = f"{annotation_file} image id {facts.sample.image_id}"
    for code, path, message, hint in (
        *file_faults(facts.file, cut="C113", broken="C112", path=name),
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


def _corners(box: Box) -> Box:
    left, top, width, height = box
    return left, top, left + width, top + height


def _clipped(corners: Box, sample: InstanceSample) -> Box:
    left, top, right, bottom = corners
    width, height = sample.width, sample.height
    return min(max(left, 0), width), min(max(top, 0), height), min(max(right, 0), width), min(max(bottom, 0), height)


def _iou(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    total = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - common
    return common / total if total > 0 else 0.0


def _listed(box: Box) -> str:
    return "[" + ", ".join(f"{value:.5g}" for value in box) + "]"
