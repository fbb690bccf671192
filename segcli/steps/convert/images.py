"""Where the images of a LabelMe dataset go, which size they have and which part they belong to."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from segcli.config.schema import SplitConfig
from segcli.data.formats.labelme_dataset import LabelMeDataset, LabelMeSample
from segcli.data.formats.labelme_images import MeasuredSample, measure_images, misfits
from segcli.data.ratios import Shares, divide
from segcli.data.samples import Split
from segcli.data.transaction import Transaction
from segcli.findings import Finding
from segcli.rules import finding

IMAGE_FOLDER = "images"
DEFAULT_SHARES = Shares(80, 20)


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


def place_images(dataset: LabelMeDataset, settings: SplitConfig) -> tuple[tuple[PlacedImage, ...], list[Finding]]:
    """Decides everything about the images; writes nothing.

    An image inside `images/` stays where it is. Where a split is asked for, it is made here, just as
    `segcli.steps.split` would make it afterwards; then both together change nothing when they are repeated. Otherwise
    the lists decide, and where there are not lists of both splits, 80 of 100 samples are for training.

    Raises:
        ConfigError: A division is asked for and its percentages do not make 100.
    """
    measured, findings = measure_images(dataset)
    names = _Names(dataset.root, findings).of(measured)
    splits = _splits([entry.sample.split for entry in measured], [image for image, _ in names], settings)
    placed = tuple(
        PlacedImage(entry.sample, entry.size, image, stem, split)
        for entry, (image, stem), split in zip(measured, names, splits, strict=True)
    )
    for entry in measured:
        findings += misfits(entry)
    return placed, findings


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

    def of(self, measured: Sequence[MeasuredSample]) -> list[tuple[str, str]]:
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
