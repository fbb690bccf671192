"""The common in-memory form that every annotation format is read into and written from.

Outlines stay as they were read: polygons, run-length codes or LabelMe's shapes; a writer keeps what its format can
express and rasterises the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from segcli.data.boxes import BoxLtwh
from segcli.data.classes import BACKGROUND_NAME
from segcli.data.formats.labelme import Shape
from segcli.data.instances import Polygons
from segcli.data.rle import Rle
from segcli.data.samples import Split
from segcli.findings import Finding


@dataclass(frozen=True, slots=True)
class ShapeGroup:
    """LabelMe's shapes of one object: all have the same label, and several share one `group_id`."""

    shapes: tuple[Shape, ...]


Outline = Polygons | Rle | ShapeGroup


@dataclass(frozen=True, slots=True)
class AnnotatedObject:
    """One object of an image, or one region of a class.

    Attributes:
        label: Class name; `__ignore__` for an ignored region.
        outline: Polygons, a run-length code, or LabelMe shapes.
        place: Its location in the source file, for messages.
        is_crowd: Whether it covers many objects that were not labelled one by one (COCO's `iscrowd`).
        is_ignored: Whether it is left out of training and metrics (COCO's `ignore`).
        box: Left, top, width and height in pixels; None unless the file gives them and they match the outline.
        area_px: Area in square pixels; None likewise.
        score: Confidence of the model, from 0 to 1; None for what a person drew.
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
    """One image and its annotations.

    Attributes:
        name: Name of its annotation in findings, relative to the dataset.
        file_name: Name of the image file; for an embedded image, the name that it will be written under.
        file: The image file; None when the image is only embedded.
        size: Height and width in pixels.
        split: Its split; None when unknown.
        read_objects: Returns the objects in order. Label maps are decoded on demand, to save memory.
        embedded: Returns the bytes of the image, where it has no file.
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
        format: Name of the source format.
        root: Its folder.
        classes: Names of the classes in order, without the background.
        images: Its images.
        findings: Problems in its files.
        background: Name of the background; None where every pixel has a class.
        source: The file that describes the dataset, relative to its folder; empty where there is none.
        is_ordered: Whether a later object covers an earlier one, as in LabelMe files and label maps.
        labels: Number of labels per name, where known before label maps are decoded.
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
