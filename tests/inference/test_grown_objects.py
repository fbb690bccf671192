"""Objects are the connected parts of a class; one with several cores is several objects."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from segcli.data import rle
from segcli.inference.decode_objects import found_objects
from segcli.inference.grown_objects import SMALLEST_PX, GrownObject, grown_objects, split_parts
from segcli.inference.instance_input import PreparedImage
from segcli.inference.paste import LogitCrop, paste_logits
from segcli.models.instance.table import MaskForm

SIDE = 40
Maps = tuple[NDArray[np.float32], NDArray[np.float32]]


def logit(probability: NDArray[np.float64]) -> NDArray[np.float32]:
    kept = probability.clip(0.01, 0.99)
    return np.asarray(np.log(kept / (1 - kept)), np.float32)


def cones(*places: tuple[int, int, float]) -> NDArray[np.float64]:
    """Depths of discs around (row, column, radius)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    discs = [1 - np.hypot(y - row, x - column) / radius for row, column, radius in places]
    return np.asarray(np.max([np.zeros((SIDE, SIDE)), *discs], axis=0), np.float64)


def maps(*depths: NDArray[np.float64]) -> Maps:
    """Maps of one class per depth."""
    inside = np.stack([np.where(depth > 0, 0.9, 0.1) for depth in depths])
    return logit(inside), logit(np.max(depths, axis=0))[None]


def placed(one: GrownObject) -> NDArray[np.bool_]:
    """The object in the map."""
    whole = np.zeros((SIDE, SIDE), bool)
    height, width = one.crop.logits.shape
    whole[one.crop.top : one.crop.top + height, one.crop.left : one.crop.left + width] = one.crop.logits > 0
    return whole


def test_parts_that_do_not_touch_are_objects_with_and_without_a_core() -> None:
    shallow = 0.3 * cones((30, 30, 6))
    found = list(grown_objects(*maps(np.maximum(cones((10, 10, 6)), shallow))))

    assert [(one.label, bool(placed(one)[row, row])) for one, row in zip(found, (10, 30), strict=True)] == [
        (0, True),
        (0, True),
    ]
    assert [one.score for one in found] == pytest.approx([0.8, 0.8], abs=1e-4)


def test_objects_that_touch_are_told_apart_where_the_depth_is_least() -> None:
    first, second = (20, 10, 8.0), (20, 22, 5.0)
    found = list(grown_objects(*maps(cones(first, second))))

    assert len(found) == 2
    left, right = map(placed, found)
    np.testing.assert_array_equal(left | right, cones(first, second) > 0)
    assert not (left & right).any()
    assert left[:, :16].sum() == left.sum() - left[:, 16:].sum() > 150
    assert right[20, 19:27].all() and not right[:, :16].any()


def test_holes_are_filled() -> None:
    disc = cones((20, 20, 10))
    inside, core = maps(np.where(disc > 0.8, 0, disc))
    found = list(grown_objects(inside, core))

    assert (inside > 0).sum() < (disc > 0).sum()
    np.testing.assert_array_equal(placed(found[0]), disc > 0)
    assert len(found) == 1


def test_each_class_has_its_own_objects() -> None:
    one, other = cones((20, 12, 8)), cones((20, 28, 8))
    found = list(grown_objects(*maps(one, other)))

    assert [value.label for value in found] == [0, 1]
    np.testing.assert_array_equal(placed(found[1]), other > 0)


def test_a_pixel_is_of_its_likeliest_class_though_that_has_less_than_one_half() -> None:
    inside = np.full((3, SIDE, SIDE), 0.02)
    inside[:, 10:20, 10:20] = np.array([0.2, 0.4, 0.3])[:, None, None]
    inside[:, 25:35, 25:35] = np.array([0.2, 0.3, 0.1])[:, None, None]

    found = list(grown_objects(logit(inside), logit(cones((14, 14, 8)))[None]))

    assert [(one.label, int(placed(one).sum())) for one in found] == [(1, 100)]
    assert found[0].score == pytest.approx(0.4 - 0.3, abs=1e-4)


def test_an_object_within_one_of_another_class_leaves_no_crumbs_at_its_outline() -> None:
    """The wall beside a window is deep in its house, which says nothing of the window's own rim."""
    house, window = np.zeros((2, SIDE, SIDE), bool)
    house[4:36, 4:36] = True
    window[14:26, 14:26] = True
    depth = np.zeros((SIDE, SIDE))
    depth[9:31, 9:31] = 1
    for ring in range(6):
        depth[14 + ring : 26 - ring, 14 + ring : 26 - ring] = min(1, (ring + 1) / 5)
    inside = np.stack([np.where(house & ~window, 0.9, 0.1), np.where(window, 0.9, 0.1)])

    found = list(grown_objects(logit(inside), logit(depth)[None]))

    assert [one.label for one in found] == [0, 1]
    np.testing.assert_array_equal(placed(found[0]), house)
    np.testing.assert_array_equal(placed(found[1]), window)


@pytest.mark.parametrize("everywhere", [False, True])
def test_all_pixels_or_none(everywhere: bool) -> None:
    foreground = np.full((SIDE, SIDE), everywhere)
    parts, count = split_parts(foreground, cones((10, 10, 9), (30, 30, 9)).astype(np.float32))

    assert count == (2 if everywhere else 0)
    assert set(np.unique(parts)) == ({1, 2} if everywhere else {0})


def test_masks_have_the_size_of_the_image() -> None:
    outputs = [value[None] for value in maps(cones((20, 10, 8), (20, 24, 8)))]
    image = PreparedImage(np.zeros((1, 3, SIDE, SIDE), np.float32), (SIDE, SIDE), (2 * SIDE, 3 * SIDE))

    found = found_objects(outputs, MaskForm.PIXELS, image, threshold=0.2)

    assert found.masks[0]["size"] == [2 * SIDE, 3 * SIDE]
    first, second = (rle.decode(mask) for mask in found.masks)
    assert first[40, 30] == second[40, 72] == 1
    assert (first & second).sum() == 0
    assert first.sum() + second.sum() == pytest.approx(6 * (cones((20, 10, 8), (20, 24, 8)) > 0).sum(), rel=0.03)


def test_each_object_is_found_and_pasted_from_its_own_part_of_the_maps() -> None:
    """Noise as from an untrained network: many objects, some with holes, some at the border."""
    noise = np.random.default_rng(0).normal(size=(1, SIDE, SIDE))
    inside = cv2.GaussianBlur(noise[0], (0, 0), 1.2)[None]
    core = np.full((1, SIDE, SIDE), -9.0)
    found = list(grown_objects(inside, core))
    parts, count = split_parts(inside[0] > 0, np.zeros((SIDE, SIDE), np.float32))
    expected = [parts == number for number in range(1, count + 1) if (parts == number).sum() >= SMALLEST_PX]

    assert len(found) == len(expected) > 5
    assert max(one.crop.logits.size for one in found) < SIDE * SIDE
    for one, part in zip(found, expected, strict=True):
        np.testing.assert_array_equal(placed(one), ndimage.binary_fill_holes(part))
    whole = [LogitCrop(0, 0, np.where(placed(one), 1, -1).astype(np.float32)) for one in found]
    signs = [replace(one.crop, logits=np.sign(one.crop.logits)) for one in found]
    assert list(paste_logits(signs, (SIDE, SIDE), 97, 61)) == list(paste_logits(whole, (SIDE, SIDE), 97, 61))
