"""LabelMe to PaddleX's SegDataset: `images/`, `annotations/*.png`, `train.txt`, `val.txt`, class files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.convert.classes import object_classes
from segcli.convert.labelme_source import LabelMeDataset, LabelMeSample
from segcli.data.classes import BACKGROUND_NAME, IGNORE_INDEX, IGNORE_NAME
from segcli.data.codes import finding
from segcli.data.finding import Finding
from segcli.data.image import decode_image, image_size
from segcli.data.palette import png_palette
from segcli.data.samples import Split
from segcli.data.shapes import LabelCanvas
from segcli.data.transaction import Transaction
from segcli.errors import InputError
from segcli.split.shares import Shares, divide

DEFAULT_SHARES = Shares(80, 20)


@dataclass(frozen=True)
class SegTarget:
    """One sample of the result, relative to the dataset.

    Attributes:
        source: The LabelMe sample.
        size: Height and width of its picture.
        image: Where the picture goes.
        mask: Where the mask goes.
        split: The part it belongs to.
    """

    source: LabelMeSample
    size: tuple[int, int]
    image: str
    mask: str
    split: Split


@dataclass(frozen=True)
class SegPlan:
    """A conversion that is checked and not yet begun.

    Attributes:
        dataset: What is converted.
        classes: Names by id; the background is 0.
        targets: The samples of the result.
        findings: What is wrong or worth saying; with an error in it the plan is not applied.
        line_width: Width in pixels of painted lines.
        point_size: Radius in pixels of painted points.
    """

    dataset: LabelMeDataset
    classes: tuple[str, ...]
    targets: tuple[SegTarget, ...]
    findings: tuple[Finding, ...]
    line_width: int
    point_size: int

    def samples(self, split: Split) -> list[SegTarget]:
        """The samples of one part."""
        return [target for target in self.targets if target.split is split]


def plan_seg(dataset: LabelMeDataset, *, line_width: int, point_size: int, seed: int) -> SegPlan:
    """Decides every file of the result without writing one.

    Samples that no list names are divided 80 to 20 with the seed.
    """
    names, findings = object_classes(dataset)
    samples, sizes = _measure(dataset.samples, findings)
    splits = _splits(samples, seed)
    stems = _free_stems(dataset.root, samples, findings)
    targets = tuple(
        SegTarget(sample, size, image, f"annotations/{stem}.png", split)
        for sample, size, (image, stem), split in zip(samples, sizes, stems, splits, strict=True)
    )
    classes = (BACKGROUND_NAME, *names)
    for target in targets:
        findings += _outside(target)
    return SegPlan(dataset, classes, targets, (*dataset.findings, *findings), line_width, point_size)


def _measure(
    samples: Sequence[LabelMeSample], findings: list[Finding]
) -> tuple[list[LabelMeSample], list[tuple[int, int]]]:
    kept, sizes = [], []
    for sample in samples:
        try:
            sizes.append(_size(sample))
        except InputError as fault:
            findings.append(finding("L202", sample.name, str(fault)))
        else:
            kept.append(sample)
    return kept, sizes


def _size(sample: LabelMeSample) -> tuple[int, int]:
    if sample.picture is not None:
        width, height = image_size(sample.picture)
        return height, width
    height, width = decode_image(sample.annotation.image_data or b"", name=sample.name).shape[:2]
    return height, width


def _splits(samples: Sequence[LabelMeSample], seed: int) -> list[Split]:
    if all(sample.split is None for sample in samples):
        train = set(divide(range(len(samples)), DEFAULT_SHARES, seed)[0])
        return [Split.TRAIN if number in train else Split.VAL for number in range(len(samples))]
    return [sample.split or Split.TRAIN for sample in samples]


def _free_stems(root: Path, samples: Sequence[LabelMeSample], findings: list[Finding]) -> list[tuple[str, str]]:
    """Picture path and stem of each sample; a stem that is taken gets its folder in front, then a number."""
    taken: set[str] = set()
    result = []
    for sample in samples:
        name = _picture_name(sample)
        stem = PurePosixPath(name).stem
        if stem.casefold() in taken:
            findings.append(finding("L203", sample.name, f"there is another picture called {stem}"))
            stem = _other_stem(sample, stem, taken)
        taken.add(stem.casefold())
        inside = sample.picture is not None and sample.picture.is_relative_to(root / "images")
        kept = sample.picture.relative_to(root).as_posix() if inside and sample.picture is not None else None
        result.append((kept or f"images/{stem}{PurePosixPath(name).suffix}", stem))
    return result


def _other_stem(sample: LabelMeSample, stem: str, taken: set[str]) -> str:
    folder = "_".join(PurePosixPath(sample.name).parent.parts)
    candidate = f"{folder}_{stem}" if folder else stem
    number = 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{stem}_{number}"
    return candidate


def _picture_name(sample: LabelMeSample) -> str:
    if sample.picture is not None:
        return sample.picture.name
    suffix = _embedded_suffix(sample.annotation.image_data or b"")
    return f"{PurePosixPath(sample.name).stem}{suffix}"


def _embedded_suffix(data: bytes) -> str:
    with Image.open(io.BytesIO(data)) as picture:
        return {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp"}.get(picture.format or "", ".png")


def _outside(target: SegTarget) -> list[Finding]:
    height, width = target.size
    return [
        finding("L108", target.source.name, "no point is inside the picture", location=f"shape {shape.number}")
        for shape in target.source.annotation.shapes
        if shape.kind != "circle" and not any(0 <= x < width and 0 <= y < height for x, y in shape.points)
    ]


def paint_mask(plan: SegPlan, target: SegTarget) -> NDArray[np.uint8]:
    """The mask of one sample: shapes in file order, later ones over earlier ones; uint8 [H, W]."""
    ids = {name: number for number, name in enumerate(plan.classes)} | {IGNORE_NAME: IGNORE_INDEX}
    canvas = LabelCanvas(*target.size, line_width=plan.line_width, point_size=plan.point_size)
    for shape in target.source.annotation.shapes:
        canvas.paint(shape, ids[shape.label])
    return canvas.labels()


def stage_sample(plan: SegPlan, target: SegTarget, changes: Transaction) -> None:
    """Writes mask and picture of one sample into the transaction."""
    mask = Image.fromarray(paint_mask(plan, target))
    mask.putpalette(png_palette(256))
    mask.save(changes.stage(target.mask), format="PNG", compress_level=1)
    picture = target.source.picture
    if picture is None:
        changes.stage(target.image).write_bytes(target.source.annotation.image_data or b"")
    elif picture != plan.dataset.root / target.image:
        changes.stage(target.image).write_bytes(picture.read_bytes())


def stage_lists(plan: SegPlan, changes: Transaction) -> None:
    """Writes the lists of both parts and the class files into the transaction."""
    for split in Split:
        lines = "".join(f"{_line(target)}\n" for target in plan.samples(split))
        changes.stage(f"{split.value}.txt").write_text(lines, encoding="utf-8")
    names = plan.classes
    changes.stage("class_name.txt").write_text("".join(f"{name}\n" for name in names[1:]), encoding="utf-8")
    numbered = "".join(f"{number}: {name}\n" for number, name in enumerate(names))
    changes.stage("class_name_to_id.txt").write_text(numbered, encoding="utf-8")


def _line(target: SegTarget) -> str:
    separator = "\t" if " " in target.image + target.mask else " "
    return f"{target.image}{separator}{target.mask}"
