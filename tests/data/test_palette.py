"""The colours that are kept in a file are those that the rule of choice gives."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.palette import _FIRST, IGNORE_COLOUR, palette

_GRID = 18
"""Steps of red, green and blue among which further colours are chosen."""
_MOST = 512


def test_further_colours_are_the_farthest_from_all_before_them() -> None:
    steps = np.linspace(0, 255, _GRID).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    places = _lab(grid)
    taken = _lab(np.array([*_FIRST, IGNORE_COLOUR, (255, 255, 255)], np.uint8))
    distance = np.min([np.linalg.norm(places - place, axis=1) for place in taken], axis=0)
    expected = []
    for _ in range(_MOST - len(_FIRST)):
        best = int(distance.argmax())
        expected.append(grid[best])
        distance = np.minimum(distance, np.linalg.norm(places - places[best], axis=1))

    assert np.array_equal(palette(_MOST)[len(_FIRST) :], expected)


def _lab(colours: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Where colours lie for the eye: CIELAB, float32 [N, 3]."""
    return np.asarray(cv2.cvtColor(colours[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0], np.float32)
