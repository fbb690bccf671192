"""Where the images of a LabelMe dataset go, which size they have and which part they belong to."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from segcli.config.schema import SplitConfig
from segcli.data.formats.labelme import Shape
from segcli.data.formats.labelme_dataset import LabelMeDataset, LabelMeSample
from segcli.data.headers import read_header
from segcli.data.image import decode_image, image_size
from segcli.data.ratios import Shares, divide
from segcli.data.samples import Split
from segcli.data.transaction import Transaction
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.rules import finding

IMAGE_FOLDER = "images"
DEFAULT_SHARES = Shares(80, 20)
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp"}


@dataclass(frozen=True)
class PlacedImage:
    """One image of the result.

    Attributes:
        source: The LabelMe sample.
        size: Height and width in pixels.
        image: Where the image goes, relative to the dataset.
        stem: A name without suffix that no other image has.
        split: The part it belongs to.
    """

    source: LabelMeSample
    size: tuple[int, int]
    image: str
    stem: str
    split: Split

    def stage(self, root: Path, changes: Transaction) -> None:
        """Copies the image into the transaction, unless it is in its place."""
        original = self.source.image
        if original is None:
            changes.stage(self.image).write_bytes(self.source.annotation.image_data())
        elif original != root / self.image:
            shutil.copyfile(original, changes.stage(self.image))


@dataclass(frozen=True)
class _Measured:
    """A sample whose image can be read: its height and width in pixels, its name as far as it is free to choose."""

    sample: LabelMeSample
    size: tuple[int, int]
    name: PurePosixPath


def place_images(dataset: LabelMeDataset, settings: SplitConfig) -> tuple[tuple[PlacedImage, ...], list[Finding]]:
    """Decides everything about the images; writes nothing.

    An image inside `images/` stays where it is. Where a split is asked for, it is made here, just as
    `segcli.steps.split` would make it afterwards; then both together change nothing when they are repeated. Otherwise
    the lists decide, and where there are not lists of both splits, 80 of 100 samples are for training.

    Raises:
        ConfigError: A division is asked for and its percentages do not make 100.
    """
    findings: list[Finding] = []
    measured = []
    for sample in dataset.samples:
        try:
            measured.append(_measure(sample))
        except InputError as fault:
            code, what = ("L107", "imageData") if sample.image is None else ("L202", sample.image.name)
            findings.append(finding(code, sample.name, f"{what}: {fault.message}"))
    names = _Names(dataset.root, findings).of(measured)
    splits = _splits([entry.sample.split for entry in measured], [image for image, _ in names], settings)
    placed = tuple(
        PlacedImage(entry.sample, entry.size, image, stem, split)
        for entry, (image, stem), split in zip(measured, names, splits, strict=True)
    )
    for original in placed:
        findings += _misfits(original)
    return placed, findings


def _measure(sample: LabelMeSample) -> _Measured:
    if sample.image is not None:
        width, height = image_size(sample.image)
        return _Measured(sample, (height, width), PurePosixPath(sample.image.name))
    data = sample.annotation.image_data()
    height, width = decode_image(data, name="imageData").shape[:2]
    header = read_header(data)
    suffix = _SUFFIXES.get(header.format, ".png") if header is not None else ".png"
    return _Measured(sample, (height, width), PurePosixPath(PurePosixPath(sample.name).stem + suffix))


def _splits(listed: list[Split | None], images: list[str], settings: SplitConfig) -> list[Split]:
    if not settings.enable and None not in listed:
        return [split for split in listed if split is not None]
    shares = Shares.checked(settings.train_percent, settings.val_percent) if settings.enable else DEFAULT_SHARES
    train = set(divide(images, shares, settings.seed, key=str)[0])
    return [Split.TRAIN if image in train else Split.VAL for image in images]


class _Names:
    """Gives out names: first to the images that stay, then to the others in their order."""

    def __init__(self, root: Path, findings: list[Finding]) -> None:
        self._root = root
        self._findings = findings
        self._taken: set[str] = set()

    def of(self, measured: Sequence[_Measured]) -> list[tuple[str, str]]:
        """Place in the dataset and stem of each image."""
        staying = [self._inside(entry.sample) for entry in measured]
        names: list[tuple[str, str]] = [("", "")] * len(measured)
        for index in sorted(range(len(measured)), key=lambda index: staying[index] is None):
            name = measured[index].name
            stem = self._free_stem(measured[index].sample, name.stem)
            names[index] = (staying[index] or f"{IMAGE_FOLDER}/{stem}{name.suffix}", stem)
        return names

    def _inside(self, sample: LabelMeSample) -> str | None:
        folder = self._root / IMAGE_FOLDER
        if sample.image is None or not sample.image.is_relative_to(folder):
            return None
        return sample.image.relative_to(self._root).as_posix()

    def _free_stem(self, sample: LabelMeSample, stem: str) -> str:
        if stem.casefold() in self._taken:
            self._findings.append(finding("L203", sample.name, f"there is another image called {stem}"))
            stem = self._other_stem(sample, stem)
        self._taken.add(stem.casefold())
        return stem

    def _other_stem(self, sample: LabelMeSample, stem: str) -> str:
        """The stem with its folder in front; where that is taken, too, with a number."""
        folder = "_".join(part for part in PurePosixPath(sample.name).parent.parts if part not in ("/", ".."))
        candidate = f"{folder}_{stem}" if folder else stem
        number = 1
        while candidate.casefold() in self._taken:
            number += 1
            candidate = f"{stem}_{number}"
        return candidate


def _misfits(original: PlacedImage) -> list[Finding]:
    """What the shapes say that the image does not bear out."""
    (height, width), annotation, name = original.size, original.source.annotation, original.source.name
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
