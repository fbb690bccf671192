"""Whatever is drawn: every object that comes back differently is in the list of losses."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segcli.data import rle
from segcli.data.formats.annotated import AnnotatedObject
from segcli.data.formats.table import format_named
from segcli.data.samples import Split
from tests.round_trip import HEIGHT, WIDTH, dataset_of, lowest_iou, write

CLASSES = ("cat", "big dog", "鳥")
SAME = 0.999
TIES = 2
"""Pixels whose centre an outline runs through, as a circle with whole corners does."""


@st.composite
def masks(draw) -> rle.Rle:
    """Some rectangles, some of them cut out again: parts, holes and corners that touch."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for value in (1, 1, draw(st.integers(0, 1)), 0):
        left, top = draw(st.integers(0, WIDTH - 2)), draw(st.integers(0, HEIGHT - 2))
        mask[top : top + draw(st.integers(2, 20)), left : left + draw(st.integers(2, 24))] = value
    mask[:2, :2] = 1
    return rle.encode(mask)


@st.composite
def polygons(draw) -> tuple[tuple[float, ...], ...]:
    """A star around a point inside the image."""
    x, y = draw(st.floats(16, WIDTH - 16)), draw(st.floats(16, HEIGHT - 16))
    reach = draw(st.lists(st.floats(4, 15), min_size=3, max_size=9))
    angles = np.linspace(0, 2 * np.pi, len(reach), endpoint=False)
    points = np.stack([x + np.array(reach) * np.cos(angles), y + np.array(reach) * np.sin(angles)], axis=1)
    return (tuple(points.ravel().tolist()),)


objects = st.lists(
    st.builds(AnnotatedObject, st.sampled_from(CLASSES), st.one_of(masks(), polygons()), is_crowd=st.booleans()),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize("name", ["coco", "labelme", "yolo", "voc"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=objects)
def test_what_is_not_lost_comes_back(name, drawn):
    with TemporaryDirectory() as folder:
        dataset = dataset_of(Path(folder) / "memory", {Split.TRAIN: [drawn], Split.VAL: [[]]}, CLASSES)
        lost = write(dataset, name, Path(folder) / "written").lost
        found = format_named(name).read(Path(folder) / "written")
        if not lost:
            assert lowest_iou(dataset, found, ties=TIES) >= SAME
        assert bool(lost) >= (any(value.is_crowd for value in drawn) and name in ("yolo", "voc"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=objects)
def test_label_maps_hold_the_classes_that_were_painted(drawn):
    with TemporaryDirectory() as folder:
        dataset = dataset_of(Path(folder) / "memory", {Split.TRAIN: [drawn], Split.VAL: [[]]}, CLASSES)
        lost = write(dataset, "masks", Path(folder) / "one").lost
        first = format_named("masks").read(Path(folder) / "one")
        assert not write(first, "masks", Path(folder) / "two").lost
        second = format_named("masks").read(Path(folder) / "two")
        assert lowest_iou(first, second) == 1.0
        if not lost:
            painted = {value.label for value in drawn}
            assert {value.label for image in first.images for value in image.read_objects()} == painted
