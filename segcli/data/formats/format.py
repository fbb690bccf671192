"""Interface of an annotation format: how it is recognised, read into the common form, and written from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from segcli.data.classes import NO_CLASSES
from segcli.data.formats.annotated import AnnotatedDataset, AnnotatedImage, AnnotatedObject, ShapeGroup
from segcli.data.samples import Split

Put = Callable[[str, bytes], None]
"""Stores one file of the result: its path relative to the result folder, and its content."""
MAX_LISTED = 200
"""Most losses that a report lists; all are counted."""


@dataclass(frozen=True)
class Brush:
    """How lines and points are painted.

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
        source: The image and its annotations.
        name: Path of its file below the folder of images.
        stem: A unique name without suffix.
        split: Its split.
    """

    source: AnnotatedImage
    name: str
    stem: str
    split: Split

    @property
    def suffix(self) -> str:
        """Suffix of its file."""
        return PurePosixPath(self.name).suffix


@dataclass(frozen=True)
class Placed:
    """A dataset with a target name for each image: what a format writes.

    Attributes:
        dataset: The dataset that was read.
        root: Folder of the result.
        images: Its images.
        brush: How lines and points are painted.
    """

    dataset: AnnotatedDataset
    root: Path
    images: tuple[PlacedImage, ...]
    brush: Brush

    def of(self, split: Split) -> list[PlacedImage]:
        """The images of one split."""
        return [placed for placed in self.images if placed.split is split]


@dataclass(frozen=True)
class Loss:
    """What is lost of one object because the target format cannot store it.

    Attributes:
        image: Name of the annotation in the source.
        place: Location of the object there.
        label: Its class.
        what: What is lost.
        iou: Intersection over union of its masks before and after writing, from 0 to 1.
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
        made: Number of written items per kind.
        losses: What the result lacks; the first `MAX_LISTED` per kind.
        lost: Number of losses per kind.
    """

    made: Counter[str] = field(default_factory=Counter)
    losses: list[Loss] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)

    def lose(self, placed: PlacedImage, value: AnnotatedObject, what: str, iou: float = 1.0) -> None:
        """Records a loss."""
        self.lost[what] += 1
        if self.lost[what] <= MAX_LISTED:
            self.losses.append(Loss(placed.source.name, value.place, value.label, what, iou))


@dataclass(frozen=True)
class Format:
    """One annotation format: a row of `FORMATS`.

    Attributes:
        name: Its name on the command line (`--to`).
        title: Its name in messages.
        find: Returns the folder of a dataset of this format in or below a folder; None where there is none.
        read: Reads the dataset in such a folder.
        write: Writes the files of a result, except the images.
        image_path: Returns the path of an image, relative to the result folder.
        flags: Which flags of an object it keeps: ``is_crowd``, ``is_ignored``.
        keeps_ignored_regions: Whether it can mark pixels as ignored.
        serves: Layouts (``coco``, ``masks``) whose tasks read it directly, without conversion.
        most_classes: Most classes that it can hold, without the background; None for no limit.
        is_label_map: Whether it stores a class per pixel, including the background.
        skippable: Rules that concern a single object or file, which can be skipped without harm to the rest.
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
    """Records the flags of an object that a format does not keep."""
    for flag, word in (("is_crowd", "iscrowd"), ("is_ignored", "ignore")):
        if getattr(value, flag) and flag not in format_flags:
            written.lose(placed, value, f"the mark {word}")


def is_object(value: AnnotatedObject) -> bool:
    """Whether it is an object of a class, not background or an ignored region."""
    return value.label not in NO_CLASSES


def shape_count(value: AnnotatedObject) -> int:
    """Number of shapes of an object; 1 where it does not come from LabelMe."""
    return len(value.outline.shapes) if isinstance(value.outline, ShapeGroup) else 1


def in_images_folder(placed: PlacedImage) -> str:
    """`images/` and the name of the image, as in most formats."""
    return f"images/{placed.name}"
