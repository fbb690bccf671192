"""Reads the sizes of the images of LabelMe files and checks that the shapes match them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from segcli.data.boxes import BoxXyxy
from segcli.data.decoding.headers import PILLOW_ERRORS, ImageHeader, read_header
from segcli.data.formats.coordinates import FEWEST_OUTSIDE, OUTSIDE_SHARE, Extents, Reading
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_dataset import LabelMeDataset, LabelMeSample
from segcli.data.formats.labelme_embedded import other_image
from segcli.data.formats.labelme_fit import fit_of
from segcli.data.image import decode_image, image_header
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding

_ROUNDING_PX = 1.0
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp"}


@dataclass(frozen=True)
class MeasuredSample:
    """A sample whose image can be read.

    Attributes:
        sample: With its shapes fitted to the image.
        size: Height and width of the image in pixels.
        name: Of the image file.
        bounds: Of each shape, see `bounds_of`.
    """

    sample: LabelMeSample
    size: tuple[int, int]
    name: PurePosixPath
    bounds: tuple[BoxXyxy, ...]


def measure_images(dataset: LabelMeDataset) -> tuple[list[MeasuredSample], list[Finding]]:
    """Returns the samples whose images can be read, with shapes fitted to the image, and the findings."""
    findings: list[Finding] = []
    measured = []
    opened: list[tuple[LabelMeSample, ImageHeader, PurePosixPath]] = []
    for sample in dataset.samples:
        try:
            opened.append((sample, *_opened(sample)))
        except InputError as fault:
            code, what = ("L107", "imageData") if sample.image is None else ("L202", sample.image.name)
            findings.append(finding(code, sample.name, f"{what}: {fault.message}", hint=fault.hint))
    exchanged = _are_exchanged((sample, header) for sample, header, _ in opened)
    for sample, header, name in opened:
        fitting, remarks = _fitted(sample, header, exchanged=exchanged)
        # of another size, it is another image anyway
        of_another = [] if remarks else other_image(sample)
        findings += remarks or of_another
        if of_another:
            continue
        bounds = tuple(map(bounds_of, fitting.annotation.shapes))
        measured.append(MeasuredSample(fitting, (header.size[1], header.size[0]), name, bounds))
    return measured, findings


def place_findings(measured: Sequence[MeasuredSample], root: str) -> list[Finding]:
    """Reports points that are not x, y in pixels of their images: one finding where all share the fault."""
    extents = Extents.of(((sample.size[1], sample.size[0]), sample.bounds) for sample in measured)
    reading, number = extents.reading(), counted(len(extents.boxes), "file")
    misplaced = [found for sample in measured for found in misfits(sample)]
    if reading in (Reading.SHARES, Reading.PERCENT):
        return [finding("L210", root, f"all points of {number} are {reading.value}, not pixels"), *misplaced]
    if reading is Reading.EXCHANGED:
        return [finding("L211", root, f"the points of {number} fit only if each pair is {reading.value}")]
    shapes = sum(len(sample.bounds) for sample in measured)
    if len(misplaced) >= FEWEST_OUTSIDE and len(misplaced) >= OUTSIDE_SHARE * shapes:
        wide, high = (extents.boxes[:, 2:] / extents.sizes).max(axis=0)
        message = f"{len(misplaced)} of {counted(shapes, 'shape')} lie outside of their images"
        if min(wide, high) > 1:
            message += f"; the points reach to {wide:.2g} times the width and {high:.2g} times the height"
        return [finding("L211", root, f"{message}: they seem to belong to images of another size")]
    reach = extents.reach() if reading is None else None
    if reach is None:
        return misplaced
    share = f"{100 * reach[0]:.0f} % of the width and {100 * reach[1]:.0f} % of the height"
    return [finding("L212", root, f"no shape in {number} reaches beyond {share}"), *misplaced]


def misfits(measured: MeasuredSample) -> list[Finding]:
    """Reports shapes that lie wholly outside the image."""
    (height, width), annotation, name = measured.size, measured.sample.annotation, measured.sample.name
    findings = []
    for shape, (left, top, right, bottom) in zip(annotation.shapes, measured.bounds, strict=True):
        if right < 0 or bottom < 0 or left >= width or top >= height:
            place = f"shape {shape.number} ({shape.label})"
            findings.append(finding("L108", name, "lies wholly outside the image", location=place))
    return findings


def _are_exchanged(opened: Iterable[tuple[LabelMeSample, ImageHeader]]) -> bool:
    """Whether the files give the height of their images as width and the width as height.

    Where they do, some shapes reach beyond the stated size, and none reaches beyond the image.
    """
    proven = False
    for sample, header in opened:
        if sample.annotation.stated_size == header.size[::-1] and fit_of(header.size[::-1], header) is None:
            boxes = list(map(bounds_of, sample.annotation.shapes))
            far = [max((box[side] for box in boxes), default=0.0) - _ROUNDING_PX for side in (2, 3)]
            if far[0] > header.size[0] or far[1] > header.size[1]:
                return False
            proven = proven or far[0] > header.size[1] or far[1] > header.size[0]
    return proven


def _fitted(sample: LabelMeSample, header: ImageHeader, *, exchanged: bool) -> tuple[LabelMeSample, list[Finding]]:
    """The sample with its shapes fitted to the image, and findings about what was changed.

    Args:
        sample: The sample.
        header: Of its image.
        exchanged: Whether a width and a height that fit exchanged are a slip of the tool that wrote them.
    """
    annotation = sample.annotation
    if annotation.stated_size is None:
        return sample, []
    sizes = "{} x {} px were labelled, the image has {} x {} px".format(*annotation.stated_size, *header.size)
    fit = fit_of(annotation.stated_size, header)
    if fit is None and exchanged and annotation.stated_size == header.size[::-1]:
        return sample, [finding("L214", sample.name, sizes)]
    if fit is None:
        # shapes outside the image would only be a consequence
        return replace(sample, annotation=replace(annotation, shapes=())), [finding("L205", sample.name, sizes)]
    findings = []
    if fit.orientation > 1:
        message = f"{sizes}, which its EXIF orientation {fit.orientation} rotates; the shapes were rotated with it"
        findings.append(finding("L208", sample.name, message))
    if fit.is_scaled:
        findings.append(finding("L207", sample.name, f"{sizes}; the shapes were scaled to it"))
    if not findings:
        return sample, []
    try:
        shapes = tuple(map(fit.apply, annotation.shapes))
    except PILLOW_ERRORS as fault:
        return sample, [finding("L107", sample.name, f"a mask cannot be fitted to the image: {fault}")]
    return replace(sample, annotation=replace(annotation, shapes=shapes)), findings


def bounds_of(shape: Shape) -> BoxXyxy:
    """Left, top, right and bottom of a shape, without line width and point size."""
    if shape.kind == "circle":
        (x, y), edge = shape.points[:2]
        radius = math.dist((x, y), edge)
        return x - radius, y - radius, x + radius, y + radius
    return shape.extent


def _opened(sample: LabelMeSample) -> tuple[ImageHeader, PurePosixPath]:
    """Header and name of an image.

    Raises:
        InputError: It cannot be read.
    """
    if sample.image is not None:
        return image_header(sample.image), PurePosixPath(sample.image.name)
    data = sample.annotation.image_data()
    decode_image(data, name="imageData")
    header = read_header(data)
    assert header is not None
    suffix = _SUFFIXES.get(header.format, ".png")
    return header, PurePosixPath(PurePosixPath(sample.name).stem + suffix)
