"""Outlines, filled again, give the mask they were made of."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from segcli.data import rle
from segcli.data.contours import mask_outlines, outlines_together
from segcli.data.polygons import Sides, self_crossings


def filled(outlines, height: int, width: int) -> np.ndarray:
    whole = np.zeros((height, width), np.uint8)
    for outline in outlines:
        part = rle.decode(rle.from_polygons([outline.outer.ravel().tolist()], height, width)).copy()
        for hole in outline.holes:
            part[rle.decode(rle.from_polygons([hole.ravel().tolist()], height, width)) > 0] = 0
        assert not (whole & part).any()
        whole |= part
    return whole


def test_a_rectangle_has_four_corners():
    mask = np.zeros((10, 12), bool)
    mask[2:5, 3:9] = True
    (outline,) = mask_outlines(mask, x=100, y=50)
    assert sorted(outline.outer.tolist()) == [[103, 52], [103, 55], [109, 52], [109, 55]]
    assert outline.holes == ()


def test_a_hole_belongs_to_the_part_around_it():
    mask = np.zeros((20, 20), bool)
    mask[1:18, 1:18] = True
    mask[3:16, 3:16] = False
    mask[5:12, 5:12] = True
    mask[7:9, 7:9] = False
    outlines = mask_outlines(mask)
    assert [len(outline.holes) for outline in outlines] == [1, 1]
    assert outlines[1].holes[0].min(axis=0).tolist() == [7, 7]
    np.testing.assert_array_equal(filled(outlines, 20, 20), mask)


def test_pixels_that_touch_at_a_corner_are_parts_of_their_own():
    outlines = mask_outlines(np.eye(4, dtype=bool))
    assert len(outlines) == 4
    assert all(len(outline.outer) == 4 for outline in outlines)


@pytest.mark.parametrize("seed", range(12))
def test_any_mask_comes_back(seed):
    rng = np.random.default_rng(seed)
    noise = rng.random((int(rng.integers(3, 60)), int(rng.integers(3, 60))), np.float32)
    mask = (noise if seed < 4 else cv2.GaussianBlur(noise, (0, 0), 1.5)) > 0.5
    outlines = mask_outlines(mask)
    np.testing.assert_array_equal(filled(outlines, *mask.shape), mask)
    rings = [ring.ravel().tolist() for outline in outlines for ring in (outline.outer, *outline.holes)]
    assert self_crossings(Sides.of(rings)) == {}
    assert len(outlines) == cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] - 1


def test_masks_without_and_with_every_pixel():
    assert mask_outlines(np.zeros((5, 6), bool)) == []
    (outline,) = mask_outlines(np.ones((5, 6), np.uint8))
    assert sorted(outline.outer.tolist()) == [[0, 0], [0, 5], [6, 0], [6, 5]]


@pytest.mark.parametrize("seed", range(6))
def test_rings_begin_at_the_upper_left_and_holes_run_the_other_way_round(seed):
    outlines = mask_outlines(np.random.default_rng(seed).random((25, 31)) > 0.5)
    firsts = [tuple(outline.outer[0][::-1]) for outline in outlines]
    assert firsts == sorted(firsts)
    for outline in outlines:
        for ring, sign in [(outline.outer, 1), *((hole, -1) for hole in outline.holes)]:
            x, y = ring.T
            assert sign * (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0
            assert tuple(ring[0][::-1]) == min((row, column) for column, row in ring.tolist())


def test_noise_of_thousands_of_parts_and_holes_comes_back():
    mask = np.random.default_rng(0).random((256, 256)) > 0.5
    outlines = mask_outlines(mask)
    assert len(outlines) == cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] - 1
    assert sum(len(outline.holes) for outline in outlines) > 100
    areas = [abs(Sides.of([ring.ravel().tolist()]).areas()[0]) for part in outlines for ring in (part.outer,)]
    holes = [abs(Sides.of([ring.ravel().tolist()]).areas()[0]) for part in outlines for ring in part.holes]
    assert sum(areas) - sum(holes) == mask.sum()


def test_many_masks_have_the_outlines_that_each_has_alone():
    rng = np.random.default_rng(0)
    crops = []
    for number in range(150):
        sides = rng.integers(1, 40 if number % 10 else 200, 2)
        noise = rng.random(tuple(sides.tolist()), np.float32)
        mask = (noise if number % 3 else cv2.GaussianBlur(noise, (0, 0), 2)) > 0.5
        crops.append((mask if number % 7 else np.ones_like(mask), *rng.integers(0, 5000, 2).tolist()))
    crops[5] = (np.zeros((4, 3), bool), 1, 2)
    together = outlines_together(crops)
    assert len(together) == len(crops)
    for crop, found in zip(crops, together, strict=True):
        alone = mask_outlines(*crop)
        assert [one.outer.tolist() for one in found] == [one.outer.tolist() for one in alone]
        assert [[hole.tolist() for hole in one.holes] for one in found] == [
            [hole.tolist() for hole in one.holes] for one in alone
        ]


def test_of_no_masks_there_are_no_outlines():
    assert outlines_together([]) == []
    assert outlines_together([(np.zeros((2, 2), bool), 0, 0)]) == [[]]
