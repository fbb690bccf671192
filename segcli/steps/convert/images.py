"""Where the images of a converted dataset are written, and which split they belong to."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from segcli.config.schema import CheckDatasetConfig
from segcli.data.changes.transaction import Transaction
from segcli.data.formats.annotated import AnnotatedDataset, AnnotatedImage
from segcli.data.formats.format import PlacedImage
from segcli.data.samples import Split
from segcli.data.splits.groups import group_each, group_rule
from segcli.data.splits.partition import Divisible, partition
from segcli.data.splits.ratios import DEFAULT_SHARES, Shares
from segcli.findings import Finding
from segcli.rules import finding

IMAGE_FOLDER = "images"
PART_FOLDERS = frozenset({"train", "val", "valid", "validation", "test"})


def stage_image(placed: PlacedImage, target: str, root: Path, changes: Transaction) -> None:
    """Copies an image into the transaction of the dataset in `root`, unless it is already in place."""
    source = placed.source
    if source.file is not None:
        if source.file != root / target:
            shutil.copyfile(source.file, changes.stage(target))
    elif source.embedded is not None:
        changes.stage(target).write_bytes(source.embedded())


def place_images(
    dataset: AnnotatedDataset, settings: CheckDatasetConfig, *, in_place: bool = False
) -> tuple[tuple[PlacedImage, ...], list[Finding]]:
    """Decides everything about the images; writes nothing.

    An image inside `images/` keeps its path there, without the folder of its split where it is not converted in place.
    Where a split is configured, it is made here, just as `segcli.steps.split` would make it afterwards; then both
    together change nothing when they are repeated. Otherwise the dataset decides, and where it does not say the part of
    every image, 80 of 100 are for training.

    Raises:
        ConfigError: A split is configured and its percentages do not make 100.
    """
    findings: list[Finding] = []
    names = _Names(dataset.root, findings, in_place=in_place).of(dataset.images)
    splits = _splits(
        [image.split for image in dataset.images], [f"{IMAGE_FOLDER}/{name}" for name, _ in names], settings
    )
    placed = tuple(
        PlacedImage(image, name, stem, split)
        for image, (name, stem), split in zip(dataset.images, names, splits, strict=True)
    )
    return placed, findings


def _splits(listed: list[Split | None], images: list[str], settings: CheckDatasetConfig) -> list[Split]:
    split, groups = settings.split, settings.groups
    if not split.enable and None not in listed:
        return [own for own in listed if own is not None]
    shares = Shares.checked(split.train_percent, split.val_percent) if split.enable else DEFAULT_SHARES
    group_of = group_rule(groups.by_folder, groups.pattern, groups.table)
    grouped = zip(images, group_each(images, group_of), strict=True)
    divisible = [Divisible(name, group=group) for name, group in grouped]
    train = set(partition(divisible, shares.weights, split.seed)[0])
    return [Split.TRAIN if number in train else Split.VAL for number in range(len(images))]


class _Names:
    """Assigns names: first to the images that keep their place, then to the others in order."""

    def __init__(self, root: Path, findings: list[Finding], *, in_place: bool) -> None:
        self._in_place = in_place
        self._folder = root / IMAGE_FOLDER
        self._findings = findings
        self._taken: set[str] = set()
        self._numbers: Counter[str] = Counter()

    def of(self, images: Sequence[AnnotatedImage]) -> list[tuple[str, str]]:
        """For each image its name below the image folder, and its stem."""
        staying = [self._inside(image) for image in images]
        names: list[tuple[str, str]] = [("", "")] * len(images)
        for index in sorted(range(len(images)), key=lambda index: staying[index] is None):
            name = images[index].file_name
            stem = self._free_stem(images[index], name.stem)
            names[index] = (staying[index] or f"{stem}{name.suffix}", stem)
        return names

    def _inside(self, image: AnnotatedImage) -> str | None:
        if image.file is None:
            return None
        try:
            name = image.file.relative_to(self._folder)
        except ValueError:
            return None
        return name.as_posix() if self._in_place or name.parts[0] not in PART_FOLDERS else None

    def _free_stem(self, image: AnnotatedImage, stem: str) -> str:
        if stem.casefold() in self._taken:
            self._findings.append(finding("L203", image.name, f"there is another image called {stem}"))
            stem = self._other_stem(image, stem)
        self._taken.add(stem.casefold())
        return stem

    def _other_stem(self, image: AnnotatedImage, stem: str) -> str:
        """The stem with its folder as prefix; with a number if that is used too."""
        folder = "_".join(part for part in PurePosixPath(image.name).parent.parts if part not in ("/", ".."))
        candidate = f"{folder}_{stem}" if folder else stem
        while candidate.casefold() in self._taken:
            self._numbers[stem.casefold()] += 1
            candidate = f"{stem}_{self._numbers[stem.casefold()] + 1}"
        return candidate
