"""Pascal VOC as a row of the format table: a class map and, where present, an object map per image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.classes import IGNORE_INDEX, IGNORE_NAME
from segcli.data.files import is_file
from segcli.data.formats.annotated import AnnotatedDataset, AnnotatedImage, AnnotatedObject
from segcli.data.formats.format import Format
from segcli.data.formats.label_map_reader import regions_of
from segcli.data.formats.voc_layout import SETS, Colour, VocLayout, VocSample, find_voc, voc_layout
from segcli.data.formats.voc_writer import MOST_CLASSES, voc_image_path, write_voc
from segcli.data.id_counts import count_ids
from segcli.data.image import image_size, open_mask, read_mask
from segcli.data.lists import relative_name
from segcli.errors import DatasetError, InputError
from segcli.findings import Finding
from segcli.rules import finding


def read_voc(folder: Path) -> AnnotatedDataset:
    """Finds the files and reads their image sizes; the maps are decoded when their objects are read.

    Raises:
        DatasetError: There is no VOC dataset (V001).
    """
    root = find_voc(folder)
    if root is None:
        fault = finding("V001", str(folder), "no folder SegmentationClass is here")
        raise DatasetError(fault.message, [fault], path=folder, hint=fault.hint)
    layout = voc_layout(root)
    findings = list(layout.list_findings())
    images = tuple(image for sample in layout.samples if (image := _image(sample, layout, findings)) is not None)
    return AnnotatedDataset(
        format="voc",
        root=root,
        source=SETS,
        classes=tuple(name for number, name in layout.names.items() if number),
        images=images,
        findings=tuple(findings),
        background=layout.names[0],
        is_ordered=True,
    )


def class_ids_of(path: Path, colours: Mapping[Colour, int]) -> NDArray[np.uint8]:
    """Reads a map of class ids, uint8 [H, W]: as stored, or from its colours; unknown colours are ignored pixels.

    Raises:
        InputError: The file cannot be read, or is in colour without a list of colours.
    """
    found = open_mask(path)
    if found.is_label_map or not colours or found.array.ndim != 3:
        return read_mask(path)
    # OpenCV's order is blue, green, red
    key = found.array[..., 2].astype(np.int64) << 16 | found.array[..., 1].astype(np.int64) << 8 | found.array[..., 0]
    labels = np.full(key.shape, IGNORE_INDEX, np.uint8)
    for (red, green, blue), number in colours.items():
        labels[key == (red << 16 | green << 8 | blue)] = number
    return labels


def objects_of(labels: NDArray[np.uint8], objects: NDArray[Any], names: Mapping[int, str]) -> list[AnnotatedObject]:
    """Returns one object per value of the object map, with the majority class of its pixels, and the ignored pixels.

    Args:
        labels: Class ids, [H, W].
        objects: Object numbers, [H, W]; 0 is no object, 255 an ignored border.
        names: Class name per id.
    """
    found = []
    height, width = labels.shape
    for number in np.flatnonzero(count_ids(objects)).tolist():
        inside = (objects == number) & (labels != IGNORE_INDEX)
        counts = count_ids(labels[inside].reshape(1, -1)) if inside.any() else np.zeros(1, np.int64)
        class_id = int(counts.argmax())
        if number in (0, IGNORE_INDEX) or class_id == 0 or class_id not in names:
            continue
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        top, left = int(rows[0]), int(columns[0])
        crop = inside[top : rows[-1] + 1, left : columns[-1] + 1]
        found.append(
            AnnotatedObject(names[class_id], rle.encode_crop(crop, left, top, height, width), f"object {number}")
        )
    ignored = labels == IGNORE_INDEX
    if ignored.any():
        found.append(AnnotatedObject(IGNORE_NAME, rle.encode(ignored), f"pixels of {IGNORE_INDEX}"))
    return found


def _image(sample: VocSample, layout: VocLayout, findings: list[Finding]) -> AnnotatedImage | None:
    name = relative_name(sample.class_map, layout.root)
    if sample.image is None:
        findings.append(finding("V101", name, f"no image is called {sample.name}"))
        return None
    if not is_file(sample.class_map):
        findings.append(finding("V102", name, "there is no such file"))
        return None
    try:
        size, map_size = image_size(sample.image), image_size(sample.class_map)
    except InputError as fault:
        findings.append(finding("V103", relative_name(Path(fault.path or name), layout.root), fault.message))
        return None
    if size != map_size:
        message = "the map is {} x {} px, the image {} x {} px".format(*map_size, *size)
        findings.append(finding("V104", name, message))
        return None
    return AnnotatedImage(
        name=name,
        file_name=PurePosixPath(sample.image.name),
        file=sample.image,
        size=(size[1], size[0]),
        split=sample.split,
        read_objects=_Maps(sample, layout),
    )


@dataclass(frozen=True)
class _Maps:
    """Decodes the maps of an image when called."""

    sample: VocSample
    layout: VocLayout
    names: Mapping[int, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", {number: name for number, name in self.layout.names.items() if number})

    def __call__(self) -> list[AnnotatedObject]:
        labels = class_ids_of(self.sample.class_map, self.layout.colours)
        self._refuse_unknown(labels)
        if self.sample.object_map is None:
            return regions_of(labels, self.names, IGNORE_INDEX)
        objects = object_numbers(self.sample.object_map)
        if objects.shape != labels.shape:
            raise DatasetError("the map of objects has another size than that of classes", path=self.sample.object_map)
        return objects_of(labels, objects, self.names)

    def _refuse_unknown(self, labels: NDArray[np.uint8]) -> None:
        known = {0, IGNORE_INDEX, *self.names}
        unknown = [value for value in np.flatnonzero(count_ids(labels)).tolist() if value not in known]
        if unknown:
            fault = finding("V105", str(self.sample.class_map), f"no class has the ids {unknown[:8]}")
            raise DatasetError(fault.message, [fault], path=self.sample.class_map, hint=fault.hint)


def object_numbers(path: Path) -> NDArray[np.uint8]:
    """Reads an object map, uint8 [H, W]: as stored, or with numbered colours; black is 0, VOC's border colour 255.

    Raises:
        InputError: The file cannot be read.
    """
    found = open_mask(path)
    if found.is_label_map or found.array.ndim != 3:
        return read_mask(path)
    colours = found.array[..., :3].reshape(-1, 3)
    unique, numbers = np.unique(colours, axis=0, return_inverse=True)
    border = (unique == (192, 224, 224)).all(axis=1)
    values = np.cumsum(~(border | (unique == 0).all(axis=1)))
    values[(unique == 0).all(axis=1)] = 0
    values[border] = IGNORE_INDEX
    return values[numbers].reshape(found.array.shape[:2]).astype(np.uint8)


VOC = Format(
    name="voc",
    title="Pascal VOC",
    find=find_voc,
    read=read_voc,
    write=write_voc,
    image_path=voc_image_path,
    serves=frozenset({"coco"}),
    flags=frozenset({"is_ignored"}),
    keeps_ignored_regions=True,
    most_classes=MOST_CLASSES,
    is_label_map=True,
    skippable=frozenset(["V101", "V102", "V103", "V104"]),
)
