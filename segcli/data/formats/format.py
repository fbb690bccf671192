"""What an annotation format is to the rest of segcli: it is recognised, read into the one form, and written from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from segcli.data.formats.annotated import NO_CLASSES, AnnotatedDataset, AnnotatedImage, AnnotatedObject, ShapeGroup
from segcli.data.samples import Split

Put = Callable[[str, bytes], None]
"""Takes the content of a file of the result; its path is relative to the result's folder."""
MAX_LISTED = 200
"""Losses that a report spells out; all are counted."""


@dataclass(frozen=True)
class Brush:
    """How shapes without an inside are painted.

    Attributes:
        line_width: Width in pixels of lines.
        point_size: Radius in pixels of points.
    """

    line_width: int = 5
    point_size: int = 5


@dataclass(frozen=True)
class PlacedImage:
    """One image of a result.

    Attributes:
        source: What is labelled in it.
        name: Of its file, below the folder of images.
        stem: A name without suffix that no other image has.
        split: The part it belongs to.
    """

    source: AnnotatedImage
    name: str
    stem: str
    split: Split

    @property
    def suffix(self) -> str:
        """Of its file."""
        return PurePosixPath(self.name).suffix


@dataclass(frozen=True)
class Placed:
    """A dataset with a place for each image: what a format writes.

    Attributes:
        dataset: What was read.
        root: Folder of the result.
        images: Its images.
        brush: How shapes without an inside are painted.
    """

    dataset: AnnotatedDataset
    root: Path
    images: tuple[PlacedImage, ...]
    brush: Brush

    def of(self, split: Split) -> list[PlacedImage]:
        """The images of one part."""
        return [placed for placed in self.images if placed.split is split]


@dataclass(frozen=True)
class Loss:
    """What is lost of one object, because the format cannot hold it.

    Attributes:
        image: Name of its annotation in the source.
        place: The object's place there.
        label: Its class.
        what: What is lost.
        iou: Intersection over union of its mask before and after, from 0 to 1.
    """

    image: str
    place: str
    label: str
    what: str
    iou: float = 1.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "image": self.image,
            "object": self.place,
            "label": self.label,
            "lost": self.what,
            "mask_iou": round(self.iou, 4),
        }

    def __str__(self) -> str:
        place = f":{self.place}" if self.place else ""
        return f"{self.image}{place} ({self.label}): {self.what}; mask IoU {self.iou:.3f}"


@dataclass
class Written:
    """What a format wrote.

    Attributes:
        made: Counts by what they count.
        losses: What the result does not say; of each kind the first `MAX_LISTED`.
        lost: Number of losses of each kind.
    """

    made: Counter[str] = field(default_factory=Counter)
    losses: list[Loss] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)

    def lose(self, placed: PlacedImage, value: AnnotatedObject, what: str, iou: float = 1.0) -> None:
        """Notes a loss."""
        self.lost[what] += 1
        if self.lost[what] <= MAX_LISTED:
            self.losses.append(Loss(placed.source.name, value.place, value.label, what, iou))


@dataclass(frozen=True)
class Format:
    """One annotation format: a row of `FORMATS`.

    Attributes:
        name: As `--to` takes it.
        title: As messages call it.
        find: The folder of the dataset of this format that lies in a folder or below it; None where there is none.
        read: Reads the dataset in such a folder.
        write: Writes the files of a result, without its images.
        image_path: Where an image of the result goes, relative to its folder.
        flags: Which of an object's marks it keeps: ``is_crowd``, ``is_ignored``.
        keeps_ignored_regions: Whether pixels can count for nothing.
        serves: Layouts (``coco``, ``masks``) whose tasks read it as it is, without a conversion.
        most_classes: How many classes it can hold, the background left out.
        is_label_map: Whether it holds a class for each pixel, the background being one.
        skippable: Rules of its reader that concern a single object or file, without which the rest is whole.
    """

    name: str
    title: str
    find: Callable[[Path], Path | None]
    read: Callable[[Path], AnnotatedDataset]
    write: Callable[[Placed, Put], Written]
    image_path: Callable[[PlacedImage], str]
    flags: frozenset[str] = frozenset()
    keeps_ignored_regions: bool = False
    serves: frozenset[str] = frozenset()
    most_classes: int | None = None
    is_label_map: bool = False
    skippable: frozenset[str] = frozenset()


def lose_flags(format_flags: Iterable[str], placed: PlacedImage, value: AnnotatedObject, written: Written) -> None:
    """Notes the marks of an object that a format does not keep."""
    for flag, word in (("is_crowd", "iscrowd"), ("is_ignored", "ignore")):
        if getattr(value, flag) and flag not in format_flags:
            written.lose(placed, value, f"the mark {word}")


def is_object(value: AnnotatedObject) -> bool:
    """Whether it is an object of a class, not ground or a region that counts for nothing."""
    return value.label not in NO_CLASSES


def shape_count(value: AnnotatedObject) -> int:
    """Shapes that make an object; what was not drawn in LabelMe counts as one."""
    return len(value.outline.shapes) if isinstance(value.outline, ShapeGroup) else 1


def in_images_folder(placed: PlacedImage) -> str:
    """`images/` and the image's own name: the place of most formats."""
    return f"images/{placed.name}"
