"""LabelMe as a row of the format table."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from segcli.data.formats.annotated import AnnotatedDataset, AnnotatedImage, AnnotatedObject, ShapeGroup
from segcli.data.formats.format import Format, in_images_folder
from segcli.data.formats.labelme import LabelMeFile, labelme_files
from segcli.data.formats.labelme_classes import object_classes
from segcli.data.formats.labelme_dataset import find_labelme_root, read_labelme_dataset
from segcli.data.formats.labelme_images import MeasuredSample, measure_images, place_findings
from segcli.data.formats.labelme_nested import nested_findings
from segcli.data.formats.labelme_objects import group
from segcli.data.formats.labelme_shape_kinds import shape_findings
from segcli.data.formats.labelme_writer import write_labelme


def find_labelme(folder: Path) -> Path | None:
    """Finds the folder of LabelMe files, recognised by the first of them; None where there is none."""
    return find_labelme_root(folder) if any(labelme_files(folder)) else None


def read_labelme_folder(folder: Path) -> AnnotatedDataset:
    """Reads every LabelMe file in or below a folder; see `read_labelme_dataset`."""
    dataset = read_labelme_dataset(folder)
    classes, class_findings = object_classes(dataset)
    measured, image_findings = measure_images(dataset)
    labels = Counter(shape.label for entry in measured for shape in entry.sample.annotation.shapes)
    return AnnotatedDataset(
        format="labelme",
        root=dataset.root,
        classes=classes,
        images=tuple(map(_image, measured)),
        findings=(
            *dataset.findings,
            *class_findings,
            *image_findings,
            *shape_findings(dataset),
            *place_findings(measured, str(dataset.root)),
            *nested_findings(measured, str(dataset.root)),
        ),
        is_ordered=True,
        labels=dict(labels),
    )


def objects_of(annotation: LabelMeFile) -> list[AnnotatedObject]:
    """Returns the objects of a file, in the order of their first shapes."""
    return [
        AnnotatedObject(
            shapes[0].label,
            ShapeGroup(tuple(shapes)),
            place=f"shape {shapes[0].number}",
            is_crowd=any("iscrowd" in shape.flags for shape in shapes),
            is_ignored=any("ignore" in shape.flags for shape in shapes),
        )
        for shapes in group(annotation.shapes)
    ]


def _image(measured: MeasuredSample) -> AnnotatedImage:
    sample = measured.sample
    return AnnotatedImage(
        name=sample.name,
        file_name=measured.name,
        file=sample.image,
        size=measured.size,
        split=sample.split,
        read_objects=partial(objects_of, sample.annotation),
        embedded=sample.annotation.image_data,
    )


LABELME = Format(
    name="labelme",
    title="LabelMe",
    find=find_labelme,
    read=read_labelme_folder,
    write=write_labelme,
    image_path=in_images_folder,
    flags=frozenset({"is_crowd", "is_ignored"}),
    keeps_ignored_regions=True,
    skippable=frozenset(
        ["L101", "L102", "L103", "L104", "L105", "L106", "L107", "L110", "L201", "L202", "L204", "L205", "L213"]
    ),
)
