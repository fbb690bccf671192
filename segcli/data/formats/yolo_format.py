"""YOLO segmentation as a row of the format table: one line per object, with its class and one polygon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path, PurePosixPath

from segcli.data.files import is_file
from segcli.data.formats.annotated import AnnotatedDataset, AnnotatedImage, AnnotatedObject
from segcli.data.formats.format import Format
from segcli.data.formats.yolo_layout import YoloLayout, find_yolo, label_file, yolo_layout
from segcli.data.formats.yolo_remarks import (
    BEYOND,
    LineTally,
    in_both_splits,
    missing_splits,
    shared_faults,
    similar_names,
    words_of,
)
from segcli.data.formats.yolo_writer import write_yolo, yolo_image_path
from segcli.data.image import image_size
from segcli.data.lists import read_text_file, relative_name
from segcli.data.samples import Split
from segcli.errors import DatasetError, InputError
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.rules import finding


def find_yolo_folder(folder: Path) -> Path | None:
    """Finds the folder of `data.yaml` or `classes.txt`; None where there is none."""
    file = find_yolo(folder)
    return file.parent if file is not None else None


def read_yolo(folder: Path) -> AnnotatedDataset:
    """Reads every label file.

    Raises:
        DatasetError: There is no YOLO dataset (Y001).
    """
    file = find_yolo(folder)
    if file is None:
        fault = finding("Y001", str(folder), "no data.yaml with names and train is here")
        raise DatasetError(fault.message, [fault], path=folder, hint=fault.hint)
    reader = _Reader(yolo_layout(file))
    images = reader.images()
    labels = Counter(value.label for image in images for value in image.read_objects())
    return AnnotatedDataset(
        format="yolo",
        root=reader.layout.root,
        source=reader.layout.file.name,
        classes=tuple(reader.classes.values()),
        images=tuple(images),
        findings=tuple(reader.findings),
        labels=dict(labels),
    )


@dataclass
class _Reader:
    """Reads the label files of a dataset and collects their problems.

    Attributes:
        layout: Locations of the files.
        findings: All problems found so far.
        unlabelled: Images without a label file.
        tally: What is kept of all lines.
        classes: Names by id, in order; made unique.
    """

    layout: YoloLayout
    findings: list[Finding] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    tally: LineTally = field(default_factory=LineTally)
    classes: Mapping[int, str] = field(init=False)

    def __post_init__(self) -> None:
        names = dict(sorted(self.layout.names.items()))
        counts = Counter(names.values())
        # two classes with the same name stay separate: their ids are appended
        self.classes = {id_: name if counts[name] == 1 else f"{name} {id_}" for id_, name in names.items()}

    def images(self) -> list[AnnotatedImage]:
        """Returns the readable images of all splits."""
        found = []
        seen: dict[Path, Split | None] = {}
        in_both: list[Path] = []
        for split, paths in self.layout.images.items():
            name = split.value if split is not None else "images"
            if not paths:
                stated = ", ".join(self.layout.stated.get(split, ())) or "images"
                self._report("Y002", self.layout.file, f"{name} holds no image: nothing is in {stated}")
            for path in paths:
                if path in seen:
                    if seen[path] is not split:
                        in_both.append(path)
                    continue
                seen[path] = split
                image = self._image(path, split)
                if image is not None:
                    found.append(image)
        self.findings.extend(
            (*in_both_splits(in_both, self.layout), *missing_splits(self.layout), *similar_names(self.layout))
        )
        self._report_all_together(found)
        if self.unlabelled and len(self.unlabelled) == len(found):
            expected = self._name(label_file(self.layout.root / self.unlabelled[0]))
            self._report(
                "Y111", self.layout.root, f"none of {counted(len(found), 'image')} has one, such as {expected}"
            )
        elif self.unlabelled:
            what = f"{len(self.unlabelled)} without a label file: {listed(self.unlabelled)}"
            self._report("Y005", self.layout.root, what)
        return found

    def _report_all_together(self, images: list[AnnotatedImage]) -> None:
        """Replaces findings on single lines by one on what all of them share."""
        sizes = {image.name: (image.size[1], image.size[0]) for image in images}
        for replaced, fault in shared_faults(self.tally, self.layout, sizes):
            self.findings = [*(found for found in self.findings if found.code not in replaced), fault]

    def _image(self, path: Path, split: Split | None) -> AnnotatedImage | None:
        try:
            width, height = image_size(path)
        except InputError as fault:
            self.findings.append(finding("Y004", self._name(path), fault.message, hint=fault.hint))
            return None
        labels = label_file(path)
        if not is_file(labels):
            self.unlabelled.append(self._name(path))
            objects: list[AnnotatedObject] = []
        else:
            objects = self._objects(labels, width, height)
        name = self._name(labels if is_file(labels) else path)
        return AnnotatedImage(name, PurePosixPath(path.name), path, (height, width), split, lambda: objects)

    def _objects(self, labels: Path, width: int, height: int) -> list[AnnotatedObject]:
        objects = []
        for number, line in read_text_file(labels).lines:
            place = f"line {number}"
            fields = words_of(line)
            values = _numbers(fields)
            if values is not None:
                self.tally.add(self._name(labels), values)
            if values is None or not fields[0].removesuffix(".0").isdecimal():
                self._report("Y101", labels, f"{line[:60]!r} is not a class id with coordinates", place)
            elif len(values) == 5:
                self._report("Y104", labels, "holds a box, not a polygon", place)
            elif len(values) % 2 == 0 or len(values) < 7:
                self._report("Y101", labels, f"{len(values) - 1} coordinates do not make a polygon", place)
            elif int(values[0]) not in self.classes:
                known = f"{self.layout.file.name} names {counted(len(self.classes), 'class', 'classes')}"
                self._report("Y102", labels, f"there is no class {fields[0]}: {known}", place)
            elif min(values[1:]) < -BEYOND or max(values[1:]) > 1 + BEYOND:
                self._report("Y103", labels, f"coordinates from {min(values[1:]):.5g} to {max(values[1:]):.5g}", place)
            else:
                sides = (width, height) * (len(values) // 2)
                ring = tuple(share * side for share, side in zip(values[1:], sides, strict=True))
                objects.append(AnnotatedObject(self.classes[int(values[0])], (ring,), place))
        return objects

    def _report(self, code: str, path: Path, message: str, location: str | None = None) -> None:
        self.findings.append(finding(code, self._name(path), message, location=location))

    def _name(self, path: Path) -> str:
        return relative_name(path, self.layout.root)


def _numbers(fields: list[str]) -> list[float] | None:
    try:
        values = [float(text) for text in fields]
    except ValueError:
        return None
    return values if all(map(isfinite, values)) else None


YOLO = Format(
    name="yolo",
    title="YOLO",
    find=find_yolo_folder,
    read=read_yolo,
    write=write_yolo,
    image_path=yolo_image_path,
    serves=frozenset({"coco"}),
    skippable=frozenset(["Y003", "Y004", "Y101", "Y102", "Y103", "Y104"]),
)
