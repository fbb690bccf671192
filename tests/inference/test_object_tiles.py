"""Objects of tiles become those of the image: one each, whole, none twice."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from segcli.config.schema import SlidingWindowConfig
from segcli.data import rle
from segcli.data.detections import Detections
from segcli.data.windows import ArrayWindows, Rect
from segcli.inference.object_tiles import ObjectMerger, objects_tiled

WINDOW = SlidingWindowConfig(crop_size=(100, 100), stride=(70, 70))


def perfect(tile):
    """Finds each colour of a tile as one object per connected part, class 0 for odd and 1 for even reds."""
    codes, scores, classes, boxes = [], [], [], []
    for value in np.unique(tile[..., 0])[1:]:
        count, parts = cv2.connectedComponents((tile[..., 0] == value).astype(np.uint8))
        for part in range(1, count):
            codes.append(rle.encode(parts == part))
            scores.append(min(0.99, 0.2 + rle.area(codes[-1]) / 1e4))
            classes.append(int(value) % 2)
            x, y, w, h = rle.bounding_box(codes[-1])
            boxes.append((x, y, x + w, y + h))
    return Detections(np.array(scores), np.array(classes), codes, np.array(boxes).reshape(-1, 4))


def drawn(objects, height=310, width=250):
    """An image whose red is the number of the object."""
    rgb = np.zeros((height, width, 3), np.uint8)
    for number, draw in enumerate(objects, start=1):
        draw(rgb, number)
    return rgb


def disc(x, y, radius):
    return lambda rgb, number: cv2.circle(rgb, (x, y), radius, (number, 0, 0), -1)


def bar(left, top, right, bottom):
    return lambda rgb, number: cv2.rectangle(rgb, (left, top), (right, bottom), (number, 0, 0), -1)


CASES = {
    "inside of one tile": [disc(35, 35, 20)],
    "at a corner of four tiles": [disc(85, 85, 12)],
    "cut by a seam": [disc(72, 150, 14), disc(98, 30, 14)],
    "larger than the overlap": [disc(90, 90, 50)],
    "larger than a tile": [bar(5, 20, 240, 40), bar(120, 60, 150, 300)],
    "side by side": [disc(75, 40, 12), disc(99, 40, 11), disc(123, 40, 11)],
    "at the border of the image": [bar(200, 0, 249, 30), bar(0, 260, 30, 309)],
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_drawn_is_found_once_and_whole(name):
    rgb = drawn(CASES[name])
    found = objects_tiled(perfect, ArrayWindows(rgb), WINDOW)
    expected = {rle.encode(rgb[..., 0] == number)["counts"] for number in range(1, len(CASES[name]) + 1)}
    assert {code["counts"] for code in found.masks} == expected
    assert len(found.masks) == len(expected)
    assert all(np.diff(found.scores) <= 0)


def test_many_objects_of_any_size_are_those_of_the_whole_image():
    rng = np.random.default_rng(0)
    rgb = np.zeros((700, 900, 3), np.uint8)
    for number in range(1, 200):
        x, y, radius = int(rng.integers(0, 900)), int(rng.integers(0, 700)), int(rng.integers(3, 40))
        cv2.circle(rgb, (x, y), radius, (number, 0, 0), -1)
    # parts of one disc that others have covered are told apart, so that each part is one object
    whole = {code["counts"] for code in perfect(rgb).masks}
    found = objects_tiled(perfect, ArrayWindows(rgb), SlidingWindowConfig(crop_size=(256, 256), stride=(160, 160)))
    same = whole & {code["counts"] for code in found.masks}
    assert len(same) >= 0.97 * len(whole)
    assert abs(len(found.masks) - len(whole)) <= 0.03 * len(whole)


def test_boxes_are_of_the_image():
    found = objects_tiled(perfect, ArrayWindows(drawn([bar(60, 150, 120, 170)])), WINDOW)
    assert found.boxes.tolist() == [[60, 150, 121, 171]]


def test_of_two_whole_ones_the_better_stays():
    merger = ObjectMerger((40, 160))
    for left, x, score in ((0, 82, 0.6), (60, 22, 0.9)):
        mask = np.zeros((40, 100), np.uint8)
        mask[10:20, x : x + 10] = 1
        merger.add(Rect(left, 0, left + 100, 40), Detections(np.array([score]), np.array([3]), [rle.encode(mask)]))
    found = merger.objects()
    assert found.scores.tolist() == pytest.approx([0.9])
    assert found.boxes is None


def test_objects_of_other_classes_stay_apart():
    merger = ObjectMerger((40, 160))
    for left, class_id in ((0, 1), (60, 2)):
        mask = np.zeros((40, 100), np.uint8)
        mask[10:20, 80 - left : 90 - left] = 1
        merger.add(Rect(left, 0, left + 100, 40), Detections(np.ones(1), np.array([class_id]), [rle.encode(mask)]))
    assert sorted(merger.objects().classes.tolist()) == [1, 2]


def test_no_object_is_none():
    assert len(objects_tiled(perfect, ArrayWindows(drawn([])), WINDOW).masks) == 0
