"""The images of LabelMe files: how large they are, and whether the shapes fit them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePosixPath

from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_dataset import LabelMeDataset, LabelMeSample
from segcli.data.headers import read_header
from segcli.data.image import decode_image, image_size
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.rules import finding

_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp"}


@dataclass(frozen=True)
class MeasuredSample:
    """A sample whose image can be read: its height and width in pixels, its name as far as it is free to choose."""

    sample: LabelMeSample
    size: tuple[int, int]
    name: PurePosixPath


def measure_images(dataset: LabelMeDataset) -> tuple[list[MeasuredSample], list[Finding]]:
    """The samples whose images can be read, and what is wrong with the others."""
    findings: list[Finding] = []
    measured = []
    for sample in dataset.samples:
        try:
            measured.append(_measure(sample))
        except InputError as fault:
            code, what = ("L107", "imageData") if sample.image is None else ("L202", sample.image.name)
            findings.append(finding(code, sample.name, f"{what}: {fault.message}"))
    return measured, findings


def misfits(measured: MeasuredSample) -> list[Finding]:
    """What the shapes say that the image does not bear out."""
    (height, width), annotation, name = measured.size, measured.sample.annotation, measured.sample.name
    findings = []
    if annotation.stated_size not in (None, (width, height)):
        stated = "{} x {}".format(*annotation.stated_size or ())
        findings.append(finding("L205", name, f"{stated} px were labelled, the image has {width} x {height} px"))
    for shape in annotation.shapes:
        left, top, right, bottom = _box(shape)
        if right < 0 or bottom < 0 or left >= width or top >= height:
            place = f"shape {shape.number} ({shape.label})"
            findings.append(finding("L108", name, "no part of it is inside", location=place))
    return findings


def _box(shape: Shape) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a shape; the width of a line and the size of a point are left out."""
    xs, ys = zip(*shape.points, strict=True)
    if shape.kind == "circle":
        radius = math.dist(*shape.points[:2])
        return xs[0] - radius, ys[0] - radius, xs[0] + radius, ys[0] + radius
    return min(xs), min(ys), max(xs), max(ys)


def _measure(sample: LabelMeSample) -> MeasuredSample:
    if sample.image is not None:
        width, height = image_size(sample.image)
        return MeasuredSample(sample, (height, width), PurePosixPath(sample.image.name))
    data = sample.annotation.image_data()
    height, width = decode_image(data, name="imageData").shape[:2]
    header = read_header(data)
    suffix = _SUFFIXES.get(header.format, ".png") if header is not None else ".png"
    return MeasuredSample(sample, (height, width), PurePosixPath(PurePosixPath(sample.name).stem + suffix))
