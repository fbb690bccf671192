"""Datasets of any format as instance models take them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from segcli.data.classes import ClassMap
from segcli.data.formats.annotated import AnnotatedDataset, AnnotatedImage
from segcli.data.formats.coco import CocoScan, PartCounts
from segcli.data.formats.format import Brush, is_object
from segcli.data.formats.object_painter import ObjectPainter
from segcli.data.instances import CocoDataset, InstanceObject, InstanceSample
from segcli.data.lists import relative_name
from segcli.data.samples import Split
from segcli.data.splits.ratios import DEFAULT_SHARES, divide
from segcli.findings import Finding, has_errors
from segcli.plurals import counted
from segcli.rules import finding


def as_instances(dataset: AnnotatedDataset) -> CocoScan:
    """Converts a dataset of any format for instance models.

    Without given splits, 80 of 100 images are for training.
    """
    painter = ObjectPainter(Brush())
    classes = ClassMap(dataset.classes)
    parts: dict[Split, list[InstanceSample]] = {split: [] for split in Split}
    splits = _splits(dataset)
    number = 1
    for image_id, image in enumerate(dataset.images, start=1):
        objects = _objects(image, classes, painter, number)
        number += len(objects)
        if image.file is not None:
            height, width = image.size
            parts[splits[image.name]].append(InstanceSample(image.file, image_id, width, height, objects))
    samples = {split: tuple(found) for split, found in parts.items()}
    counts = {
        split: PartCounts(
            len(found),
            sum(len(sample.objects) for sample in found),
            sum(value.is_crowd for sample in found for value in sample.objects),
        )
        for split, found in samples.items()
    }
    ids = tuple(range(1, len(classes) + 1))
    read = CocoDataset(dataset.root, classes, ids, samples[Split.TRAIN], samples[Split.VAL])
    file = dataset.source or dataset.format
    return CocoScan(
        read, (*dataset.findings, *_nothing_to_learn(dataset, samples, file)), counts, dict.fromkeys(Split, file)
    )


def _nothing_to_learn(
    dataset: AnnotatedDataset, samples: Mapping[Split, tuple[InstanceSample, ...]], file: str
) -> Iterator[Finding]:
    """Splits without an object, unless another error explains why there is none."""
    if has_errors(dataset.findings):
        return
    for split, own in samples.items():
        if not any(not value.is_crowd for sample in own for value in sample.objects):
            yield finding(
                "C106", file, f"{split.value} has {counted(len(own), 'image')} and no object that can be used"
            )


def _splits(dataset: AnnotatedDataset) -> Mapping[str, Split]:
    """The split of each image, by its name."""
    said = {image.name: image.split for image in dataset.images}
    if all(split is not None for split in said.values()):
        return {name: split for name, split in said.items() if split is not None}
    names = [relative_name(image.file, dataset.root) if image.file else image.name for image in dataset.images]
    train = set(divide(names, DEFAULT_SHARES, 0, key=str)[0])
    return {
        image.name: Split.TRAIN if name in train else Split.VAL
        for image, name in zip(dataset.images, names, strict=True)
    }


def _objects(
    image: AnnotatedImage, classes: ClassMap, painter: ObjectPainter, first_id: int
) -> tuple[InstanceObject, ...]:
    objects: list[InstanceObject] = []
    for value in filter(is_object, image.read_objects()):
        found = painter.segment(value, *image.size)
        if found is not None:
            outline = found.segmentation
            shape = outline if isinstance(outline, dict) else tuple(tuple(map(float, ring)) for ring in outline)
            objects.append(
                InstanceObject(
                    first_id + len(objects),
                    classes.id_of(value.label),
                    found.box,
                    found.area_px,
                    shape,
                    value.is_crowd,
                    value.is_ignored,
                    (image.name, value.place),
                )
            )
    return tuple(objects)
