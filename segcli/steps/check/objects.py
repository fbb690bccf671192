"""Facts of one image and its objects, and the findings from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from segcli.data.instances import InstanceObject, InstanceSample
from segcli.data.samples import Split
from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.findings import Finding
from segcli.rules import finding
from segcli.steps.check.files import (
    SAME_SIZE_TURNS,
    Fault,
    FileFacts,
    ImageRules,
    content_faults,
    file_faults,
    turned_words,
)
from segcli.steps.check.objects_view import ObjectFault
from segcli.steps.check.placement import Placed

IMAGE_RULES = ImageRules(damaged="C110", pages="C171", bands="C172", dim="C173", undefined="C175", blank="C176")


@dataclass(frozen=True)
class ImageFacts:
    """The facts of one image and its objects.

    Attributes:
        sample: The image and its objects, as the annotation file has them.
        split: Its split.
        file: Facts of the image file.
        faults: Faults of its objects; none if the image is not decoded.
        placed: Its edges and outlines, made small; None for an image that is not compared with its labels.
    """

    sample: InstanceSample
    split: Split
    file: FileFacts
    faults: tuple[ObjectFault, ...] = ()
    placed: Placed | None = None


def image_findings(facts: ImageFacts, name: str, annotation_file: str) -> Iterator[Finding]:
    """All findings on one image and its objects; both names are relative to the dataset."""
    place = f"{annotation_file} image id {facts.sample.image_id}"
    for code, path, message, hint in (
        *file_faults(facts.file, cut="C113", broken="C112", path=name),
        *content_faults(facts.file, IMAGE_RULES, name),
        *_image_faults(facts, name),
    ):
        yield finding(code, path, message, location=place, hint=hint)
    yield from object_findings(facts.sample, facts.faults, annotation_file)


def object_findings(sample: InstanceSample, faults: Iterable[ObjectFault], annotation_file: str) -> Iterator[Finding]:
    """The findings from the faults of the objects of one image, at the place of each object."""
    for code, value, message in faults:
        path, location = place_of(value, annotation_file)
        yield finding(code, path, f"{message} ({sample.image.name})", location=location)


def place_of(value: InstanceObject, annotation_file: str) -> tuple[str, str]:
    """File of an object, relative to the dataset, and its place there."""
    return value.source or (annotation_file, value.place)


def _image_faults(facts: ImageFacts, name: str) -> Iterator[Fault]:
    header = facts.file.header
    if header is None:
        return
    if facts.sample.image.suffix.lower() not in IMAGE_SUFFIXES:
        yield "C118", name, f"suffix {facts.sample.image.suffix or 'missing'}, content {header.format}", None
    if header.orientation in SAME_SIZE_TURNS and facts.sample.objects:
        yield "C174", name, turned_words(header), None
    stated = (facts.sample.width, facts.sample.height)
    if stated != header.size:
        turned = header.orientation >= 5 and stated == header.stored_size
        hint = f"EXIF orientation {header.orientation} turns the image: turn the outlines with it" if turned else None
        width, height = header.size
        yield "C114", name, f"{stated[0]} x {stated[1]} px are annotated, the file has {width} x {height} px", hint
