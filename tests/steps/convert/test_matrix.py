"""Every format becomes every other one and comes back the same."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.data import rle
from segcli.data.formats.annotated import AnnotatedObject
from segcli.data.formats.table import FORMATS, format_named, formats_in
from segcli.data.samples import Split
from segcli.steps.convert.command import read_dataset, transfer_dataset
from tests.round_trip import HEIGHT, WIDTH, dataset_of, lowest_iou, write


def filled(*boxes, holes=()):
    """The code of some rectangles, each left, top, right, bottom, without others."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for value, group in ((1, boxes), (0, holes)):
        for left, top, right, bottom in group:
            mask[top:bottom, left:right] = value
    return rle.encode(mask)


SOLID = AnnotatedObject("кот", filled((2, 2, 14, 12)))
RING = AnnotatedObject("dog", filled((20, 3, 40, 18), holes=((25, 6, 33, 14),)))
CROSS = AnnotatedObject("кот", filled((6, 20, 10, 36), (2, 26, 14, 30)))
EDGE = AnnotatedObject("big bird", filled((44, 30, WIDTH, HEIGHT)))
PARTS = {Split.TRAIN: [[SOLID, RING], [CROSS, EDGE], []], Split.VAL: [[SOLID, CROSS, RING, EDGE]]}
CLASSES = ("кот", "dog", "big bird")


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The same dataset in every format."""
    folder = tmp_path_factory.mktemp("sources")
    dataset = dataset_of(folder / "memory", PARTS, CLASSES)
    for name in FORMATS:
        assert not write(dataset, name, folder / name).lost
    return folder, dataset


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_recognised_and_read_as_it_was_written(sources, name):
    folder, dataset = sources
    (row, root), *_ = formats_in(folder / name)
    assert (row.name, root) == (name, folder / name)
    found = read_dataset(folder / name)
    assert found.findings == () or {fault.severity.value for fault in found.findings} == {"info"}
    assert found.classes == CLASSES
    assert {image.split for image in found.images} == set(Split)
    assert lowest_iou(dataset, found) == 1.0


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_each_format_becomes_each_other(sources, tmp_path, source, target):
    folder, dataset = sources
    report = transfer_dataset(folder / source, tmp_path / "result", target)
    assert report.losses == ()
    found = format_named(target).read(tmp_path / "result")
    assert found.classes == CLASSES
    assert lowest_iou(dataset, found) == 1.0
    for image in found.images:
        assert image.file is not None and image.file.read_bytes() == dataset.images[0].file.read_bytes()
