"""Label maps of overlapping objects: their values, what is said to be lost, and how often an object is painted."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from segcli.data import rle
from segcli.data.classes import IGNORE_INDEX
from segcli.data.formats.annotated import AnnotatedObject
from segcli.data.formats.format import Brush
from segcli.data.formats.label_map_painter import are_apart
from segcli.data.formats.object_painter import ObjectPainter, iou
from segcli.data.samples import Split
from tests.round_trip import HEIGHT, WIDTH, dataset_of, write

CLASSES = ("cat", "dog")


def objects() -> list[AnnotatedObject]:
    """Two cats below a dog, one of them whole below it, an ignored region, and an object without pixels."""

    def box(left: int, top: int, right: int, bottom: int) -> tuple[tuple[float, ...], ...]:
        return ((left, top, right, top, right, bottom, left, bottom),)

    ring = np.zeros((HEIGHT, WIDTH), np.uint8)
    ring[4:20, 5:30], ring[8:16, 10:25] = 1, 0
    return [
        AnnotatedObject("cat", rle.encode(ring)),
        AnnotatedObject("cat", box(28, 12, 34, 18)),
        AnnotatedObject("dog", box(20, 10, 40, 30)),
        AnnotatedObject("dog", box(38, 28, 50, 38), is_ignored=True),
        AnnotatedObject("cat", rle.empty(HEIGHT, WIDTH)),
    ]


def painted(values: list[int]) -> np.ndarray:
    """Whole masks, one over the other."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for found, value in zip(objects(), values, strict=True):
        outline = found.outline
        code = rle.from_polygons(outline, HEIGHT, WIDTH) if isinstance(outline, tuple) else outline
        labels[rle.decode(code) == 1] = value
    return labels


@pytest.fixture
def paintings(monkeypatch) -> list[str]:
    """The code of each object whose pixels were made, as often as they were."""
    made: list[str] = []
    original = rle.decode_crop

    def decode_crop(code):
        made.append(code["counts"])
        return original(code)

    monkeypatch.setattr(rle, "decode_crop", decode_crop)
    return made


def losses_of(tmp_path, name: str, drawn: list[AnnotatedObject]) -> dict[tuple[str, str], list[float]]:
    dataset = dataset_of(tmp_path / "memory", {Split.TRAIN: [drawn]}, CLASSES)
    found: dict[tuple[str, str], list[float]] = {}
    for loss in write(dataset, name, tmp_path / name).losses:
        found.setdefault((loss.what, loss.label), []).append(loss.iou)
    return found


def test_a_label_map_of_objects_that_overlap(tmp_path, paintings):
    drawn = objects()
    lost = losses_of(tmp_path, "masks", drawn)
    expected = painted([1, 1, 2, IGNORE_INDEX, 1])
    assert np.array_equal(_ids(tmp_path / "masks/annotations/train0.png"), expected)
    ring = rle.decode(drawn[0].outline) == 1
    dog = rle.decode(rle.from_polygons(drawn[2].outline, HEIGHT, WIDTH)) == 1
    under = "pixels under an object of another class"
    assert lost[under, "cat"] == [pytest.approx((expected == 1)[ring].mean()), 0.0]
    assert lost[under, "dog"] == [pytest.approx((expected == 2)[dog].mean())]
    assert len(paintings) == len(set(paintings)) == 5


def test_an_object_map_of_objects_that_overlap(tmp_path, paintings):
    drawn = objects()
    lost = losses_of(tmp_path, "voc", drawn)
    expected = painted([1, 2, 3, IGNORE_INDEX, 4])
    assert np.array_equal(_ids(tmp_path / "voc/SegmentationObject/train0.png"), expected)
    painter = ObjectPainter(Brush())
    shares = [
        iou(painter.code(value, HEIGHT, WIDTH), rle.encode(expected == number))
        for number, value in zip((1, 2, 3), drawn, strict=False)
    ]
    under = "pixels under another object"
    assert 0 < shares[0] < 1
    assert lost[under, "cat"] == [pytest.approx(shares[0]), 0.0]
    assert lost[under, "dog"] == [pytest.approx(shares[2])]
    assert len(paintings) == len(set(paintings)) == 5, "both maps are of the same pixels"


@pytest.mark.parametrize(("left", "apart"), [(10, True), (9, False)])
def test_objects_that_touch_are_apart_and_those_that_share_a_column_are_not(left, apart):
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    crops = [(np.ones((5, 10), np.uint8), 0, 3), (np.ones((5, 10), np.uint8), left, 3), None]
    for crop in filter(None, crops):
        labels[3:8, crop[1] : crop[1] + 10] = 1
    assert are_apart(crops, labels) is apart


def _ids(path) -> np.ndarray:
    return np.asarray(Image.open(path))
