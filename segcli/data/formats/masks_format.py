"""PaddleX's SegDataset as a row of the format table: images and label maps, named by lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from segcli.data.classes import ClassMap, is_background
from segcli.data.formats.annotated import AnnotatedDataset, AnnotatedImage, AnnotatedObject
from segcli.data.formats.format import Format, in_images_folder
from segcli.data.formats.label_map_reader import regions_of
from segcli.data.formats.masks import find_root, scan_seg_dataset
from segcli.data.formats.masks_layout import holds_masks
from segcli.data.formats.masks_writer import write_masks
from segcli.data.image import image_size, read_mask
from segcli.data.lists import relative_name
from segcli.data.samples import SegSample, Split
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.rules import finding


def find_masks(folder: Path) -> Path | None:
    """Finds the folder of lists or of paired images and masks; None where there is none."""
    return find_root(folder) if holds_masks(folder) else None


def read_masks(folder: Path) -> AnnotatedDataset:
    """Reads lists and class files; masks are decoded when their objects are read."""
    dataset, findings = scan_seg_dataset(folder)
    classes = dataset.classes
    background = classes.names[0] if is_ground(classes) else None
    labels = {number: name for number, name in enumerate(classes) if number or background is None}
    images: dict[Path, AnnotatedImage] = {}
    for split in Split:
        for sample in dataset.samples(split):
            try:
                images.setdefault(sample.image, _image(sample, split, dataset.root, labels, classes.ignore_index))
            except InputError as fault:
                findings.append(_unreadable(sample, dataset.root, fault))
    return AnnotatedDataset(
        format="masks",
        root=dataset.root,
        classes=tuple(labels.values()),
        images=tuple(images.values()),
        findings=tuple(findings),
        background=background,
        is_ordered=True,
    )


def is_ground(classes: ClassMap) -> bool:
    """Whether id 0 is the background: by its name, or because the classes have no names."""
    return is_background(classes.names[0]) or classes == ClassMap.numbered(len(classes))


def _image(sample: SegSample, split: Split, root: Path, labels: Mapping[int, str], ignore_index: int) -> AnnotatedImage:
    width, height = image_size(sample.image)

    def read_objects() -> list[AnnotatedObject]:
        return regions_of(read_mask(sample.mask), labels, ignore_index)

    return AnnotatedImage(
        name=relative_name(sample.mask, root),
        file_name=PurePosixPath(sample.image.name),
        file=sample.image,
        size=(height, width),
        split=split,
        read_objects=read_objects,
    )


def _unreadable(sample: SegSample, root: Path, fault: InputError) -> Finding:
    return finding("S203", relative_name(sample.image, root), fault.message)


MASKS = Format(
    name="masks",
    title="images and masks (PaddleX's SegDataset)",
    find=find_masks,
    read=read_masks,
    write=write_masks,
    image_path=in_images_folder,
    flags=frozenset({"is_ignored"}),
    keeps_ignored_regions=True,
    most_classes=254,
    is_label_map=True,
    skippable=frozenset(["S103", "S201", "S202", "S203", "S205"]),
)
