"""COCO as a row of the format table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from segcli.data.formats.annotated import AnnotatedDataset, AnnotatedImage, AnnotatedObject
from segcli.data.formats.coco import find_coco_root, scan_coco
from segcli.data.formats.coco_layout import coco_layout
from segcli.data.formats.coco_writer import write_coco
from segcli.data.formats.format import Format, in_images_folder
from segcli.data.instances import InstanceObject, InstanceSample
from segcli.data.samples import Split


def find_coco(folder: Path) -> Path | None:
    """Finds the folder of COCO files in or below `folder`; None where there is none."""
    layout = coco_layout(folder)
    return layout.root if layout is not None else None


def read_coco(folder: Path) -> AnnotatedDataset:
    """Reads the annotation files of both splits; see `scan_coco`."""
    scan = scan_coco(find_coco_root(folder))
    names = scan.dataset.classes.names
    samples = [(sample, split) for split in Split for sample in scan.dataset.samples(split)]
    counts = Counter(names[value.class_id] for sample, _ in samples for value in sample.objects)
    return AnnotatedDataset(
        format="coco",
        root=scan.dataset.root,
        classes=names,
        images=tuple(_image(sample, split, names, scan.files) for sample, split in samples),
        findings=scan.findings,
        labels=dict(counts),
    )


def annotated(value: InstanceObject, names: tuple[str, ...]) -> AnnotatedObject:
    """Converts a COCO object to the common form."""
    return AnnotatedObject(
        names[value.class_id],
        value.segmentation,
        place=f"annotation {value.annotation_id}",
        is_crowd=value.is_crowd,
        is_ignored=value.is_ignored,
        box=value.box,
        area_px=value.area_px,
    )


def _image(sample: InstanceSample, split: Split, names: tuple[str, ...], files: Mapping[Split, str]) -> AnnotatedImage:
    return AnnotatedImage(
        name=f"{files[split]} image {sample.image_id}",
        file_name=PurePosixPath(sample.image.name),
        file=sample.image,
        size=(sample.height, sample.width),
        split=split,
        read_objects=partial(_objects, sample, names),
    )


def _objects(sample: InstanceSample, names: tuple[str, ...]) -> list[AnnotatedObject]:
    return [annotated(value, names) for value in sample.objects]


COCO = Format(
    name="coco",
    title="COCO",
    find=find_coco,
    read=read_coco,
    write=write_coco,
    image_path=in_images_folder,
    flags=frozenset({"is_crowd", "is_ignored"}),
    skippable=frozenset(
        ["C107", "C111", "C112", "C114", "C122", "C124", "C125", "C127", "C128", "C131", "C132", "C133", "C136", "C139"]
    ),
)
