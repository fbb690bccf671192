"""Rings that are joined to one polygon: the same pixels, slits as short as can be, and time for many rings."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.data import rle
from segcli.data.bridges import Points, joined_ring
from segcli.data.formats.object_painter import crop_rings


def _rings(mask: np.ndarray) -> list[Points]:
    crop = rle.decode_crop(rle.encode(mask))
    assert crop is not None
    return [ring.astype(np.float64) for part in crop_rings(crop) for ring in part]


def _length(ring: Points) -> float:
    return float(np.linalg.norm(np.diff(ring, axis=0, append=ring[:1]), axis=1).sum())


def _slits_of_all_pairs(rings: list[Points]) -> float:
    """Length of the slits by Prim's method, which compares every corner of what is joined with every other."""
    joined, *waiting = rings
    total = 0.0
    while waiting:
        apart = [np.linalg.norm(joined[:, None] - ring[None], axis=2).min() for ring in waiting]
        nearest = int(np.argmin(apart))
        total += float(apart[nearest])
        joined = np.concatenate([joined, waiting.pop(nearest)])
    return total


@pytest.mark.parametrize("seed", range(12))
def test_the_polygon_holds_the_pixels_and_its_slits_are_the_shortest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = (rng.random(rng.integers(3, 30, 2)) < rng.uniform(0.1, 0.9)).astype(np.uint8)
    mask[1, 1] = 1
    rings = _rings(mask)
    ring = joined_ring(rings)
    # each slit is walked both ways, from a corner that is then there twice, to one that is there twice too
    assert len(ring) == sum(map(len, rings)) + 2 * (len(rings) - 1)
    slits = _length(ring) - sum(map(_length, rings))
    assert slits == pytest.approx(2 * _slits_of_all_pairs(rings), abs=1e-6)
    height, width = mask.shape
    filled = rle.from_polygons([ring.ravel().tolist()], height, width)
    assert float(rle.overlaps([filled], [rle.encode(mask)], [False])[0, 0]) == 1


@pytest.mark.parametrize(
    "rings",
    [
        [[[0, 0], [2, 0], [1, 0]], [[5, 0], [6, 0], [7, 0]], [[9, 0], [8, 0], [10, 0]]],  # all on one line
        [[[0, 0], [4, 0], [0, 4]], [[0, 0], [4, 0], [0, 4]]],  # the same twice
        [[[3, 3]], [[3, 3]]],  # one place
        [[[0, 0], [1, 0], [1, 1]], [[1, 1], [2, 1], [2, 2]], [[1, 1], [0, 2], [0, 1]]],  # one corner of three rings
    ],
)
def test_rings_without_area_or_with_common_corners_are_joined(rings: list[list[list[float]]]) -> None:
    given = [np.array(ring, np.float64) for ring in rings]
    joined = joined_ring(given)
    assert len(joined) == sum(map(len, given)) + 2 * (len(given) - 1)
    assert {tuple(corner) for corner in joined} == {tuple(corner) for ring in given for corner in ring}


def test_one_ring_stays_as_it_is() -> None:
    ring = np.array([[0, 0], [4, 0], [0, 4]], np.float64)
    assert joined_ring([ring]) is ring


def test_thousands_of_rings_are_compared_by_neighbours_only() -> None:
    mask = (np.random.default_rng(0).random((200, 200)) < 0.5).astype(np.uint8)
    rings = _rings(mask)
    assert len(rings) > 2000
    assert len(joined_ring(rings)) == sum(map(len, rings)) + 2 * (len(rings) - 1)
