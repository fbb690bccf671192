"""A dataset for instance segmentation, as the rest of segcli sees it: images and their outlined objects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from segcli.data import rle
from segcli.data.boxes import BoxLtwh
from segcli.data.classes import ClassMap
from segcli.data.rle import Rle
from segcli.data.samples import Split

Polygons = tuple[tuple[float, ...], ...]
"""Each x1, y1, x2, y2, ... in pixels; together they are one object."""


class InstanceObject(NamedTuple):
    """One object of an image; a tuple, which is made in a third of a dataclass's time, as there are very many.

    Attributes:
        annotation_id: Its id in the file.
        class_id: Index into the classes of the dataset.
        box: As the file gives it, computed from the outline where it gives none.
        area_px: As the file gives it, computed where it gives none.
        segmentation: Polygons, or a run-length code (which may have holes).
        is_crowd: Whether it stands for many objects that were not told apart; neither learnt nor counted as missed.
        is_ignored: Whether the file marks it with `ignore`; kept for conversions.
        source: Its file and the place there, in formats where each image has a file of its own.
    """

    annotation_id: int
    class_id: int
    box: BoxLtwh
    area_px: float
    segmentation: Polygons | Rle
    is_crowd: bool = False
    is_ignored: bool = False
    source: tuple[str, str] | None = None

    @property
    def place(self) -> str:
        """What it is called in messages: its annotation id, or the place in the file of its image."""
        return f"annotation {self.annotation_id}" if self.source is None else self.source[1]

    def to_rle(self, height: int, width: int) -> Rle:
        """Its mask in an image of that size, as a run-length code."""
        if isinstance(self.segmentation, tuple):
            return rle.from_polygons(self.segmentation, height, width)
        return self.segmentation


@dataclass(frozen=True, slots=True)
class InstanceSample:
    """One image and its objects.

    Attributes:
        image: Path of the image.
        image_id: Its id in the file.
        width: In pixels, as the file says.
        height: In pixels, as the file says.
        objects: Its objects; there may be none.
    """

    image: Path
    image_id: int
    width: int
    height: int
    objects: tuple[InstanceObject, ...] = ()


@dataclass(frozen=True)
class CocoDataset:
    """Images of both parts and the classes.

    Attributes:
        root: Folder that holds `images` and `annotations`.
        classes: Names in the order of the training file's categories, which is also PaddleDetection's.
        category_ids: Id of each class in the training file.
        train: Images to learn from.
        val: Images to measure with.
    """

    root: Path
    classes: ClassMap
    category_ids: tuple[int, ...]
    train: tuple[InstanceSample, ...]
    val: tuple[InstanceSample, ...]

    def samples(self, split: Split) -> tuple[InstanceSample, ...]:
        """The images of one part."""
        return self.train if split is Split.TRAIN else self.val
