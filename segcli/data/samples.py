"""A dataset for semantic segmentation, as the rest of segcli sees it: samples and classes, nothing opened yet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from segcli.data.classes import ClassMap


class Split(str, Enum):
    """Which part of a dataset a sample belongs to."""

    TRAIN = "train"
    VAL = "val"

    # four times faster than that of Enum, for what is counted per split of very many images
    __hash__ = str.__hash__


class SegSample(NamedTuple):
    """One image and its mask; their files as texts, which hash and compare ten times faster than paths.

    A tuple, as these are made for each of very many lines.

    Attributes:
        image_file: Path of the image.
        mask_file: Path of the single-channel mask that holds a class id per pixel.
        line: Line number (from 1) in the list file that names the sample; 0 where no list does.
    """

    image_file: str
    mask_file: str
    line: int

    @property
    def image(self) -> Path:
        """Path of the image."""
        return Path(self.image_file)

    @property
    def mask(self) -> Path:
        """Path of the mask."""
        return Path(self.mask_file)


@dataclass(frozen=True)
class SegDataset:
    """Samples of both splits and the classes. `root` is the folder that holds the list files."""

    root: Path
    classes: ClassMap
    train: tuple[SegSample, ...]
    val: tuple[SegSample, ...]

    def samples(self, split: Split) -> tuple[SegSample, ...]:
        """The samples of one split."""
        return self.train if split is Split.TRAIN else self.val
