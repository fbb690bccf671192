"""The one form that every annotation format is read into and written from.

Outlines stay as they came: polygons, run-length codes or LabelMe's shapes; a writer takes what its format can say and
turns the rest into pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from segcli.data.boxes import BoxLtwh
from segcli.data.classes import BACKGROUND_NAME, IGNORE_NAME
from segcli.data.formats.labelme import Shape
from segcli.data.instances import Polygons
from segcli.data.rle import Rle
from segcli.data.samples import Split
from segcli.findings import Finding

NO_CLASSES = (IGNORE_NAME, BACKGROUND_NAME)
"""Labels of regions that are no objects: pixels that count for nothing, and the ground."""


@dataclass(frozen=True, slots=True)
class ShapeGroup:
    """LabelMe's shapes of one object: all of one label, and of one group where there are several."""

    shapes: tuple[Shape, ...]


Outline = Polygons | Rle | ShapeGroup


@dataclass(frozen=True, slots=True)
class AnnotatedObject:
    """One object of an image, or a region of one class.

    Attributes:
        label: Class name; `__ignore__` is a region that counts for nothing.
        outline: Polygons, a run-length code, or shapes.
        place: Its place in the file that it comes from, for messages.
        is_crowd: Whether it stands for many objects that were not told apart.
        is_ignored: Whether it is neither learnt nor counted (COCO's `ignore`).
        box: Left, top, width and height in pixels, where the file gives them and they fit.
        area_px: Area in square pixels, likewise.
        score: How sure a model is of it, from 0 to 1; None for what a person drew.
    """

    label: str
    outline: Outline
    place: str = ""
    is_crowd: bool = False
    is_ignored: bool = False
    box: BoxLtwh | None = None
    area_px: float | None = None
    score: float | None = None


@dataclass(frozen=True)
class AnnotatedImage:
    """One image and what is labelled in it.

    Attributes:
        name: What findings call its annotation, relative to the dataset.
        file_name: Name of the image's file; of an embedded one, the name that it gets.
        file: The image's file; None when it is embedded only.
        size: Height and width in pixels.
        split: The part it belongs to; None when nothing says.
        read_objects: The objects in order. Label maps are decoded when they are needed, to spare the memory.
        embedded: The image's bytes, where it has no file.
    """

    name: str
    file_name: PurePosixPath
    file: Path | None
    size: tuple[int, int]
    split: Split | None
    read_objects: Callable[[], Sequence[AnnotatedObject]] = field(compare=False)
    embedded: Callable[[], bytes] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class AnnotatedDataset:
    """A dataset of any format, in memory.

    Attributes:
        format: Name of the format that it was read from.
        root: Its folder.
        classes: Names of the classes in order, without the background.
        images: Its images.
        findings: What is wrong with its files.
        background: Name of what is no object; None where every pixel has a class.
        source: The file that describes it, where there is one, relative to its folder.
        is_ordered: Whether a later object covers an earlier one, as shapes and label maps do.
        labels: Number of labels by name, where they are known before label maps are decoded.
    """

    format: str
    root: Path
    classes: tuple[str, ...]
    images: tuple[AnnotatedImage, ...]
    findings: tuple[Finding, ...] = ()
    background: str | None = BACKGROUND_NAME
    source: str = ""
    is_ordered: bool = False
    labels: Mapping[str, int] = field(default_factory=dict)
