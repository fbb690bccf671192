"""Tiles that go on over mirrored pixels."""

from __future__ import annotations

import numpy as np
import pytest

from segcli.config.schema import SlidingWindowConfig
from segcli.data.windows import ArrayWindows, Rect
from segcli.inference.mirrored import MirroredWindows
from segcli.inference.tiles import TileSettings, label_map_tiled
from segcli.models.spec import Preprocess


def test_parts_beyond_the_border_are_those_of_the_mirrored_image():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    longer = np.pad(image, ((0, 12), (0, 10), (0, 0)), mode="reflect")
    windows = MirroredWindows(ArrayWindows(image), (32, 40))
    for left, top, right, bottom in ((0, 0, 8, 8), (24, 16, 40, 32), (28, 0, 40, 8), (0, 19, 40, 32)):
        assert (windows.read(Rect(left, top, right, bottom)) == longer[top:bottom, left:right]).all()


@pytest.mark.parametrize("size", [(64, 64), (100, 75), (40, 200)])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_label_map_is_that_of_the_longer_image_cut(size, batch_size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)

    def forward(tiles):  # what a pixel gets depends on its place in the tile
        return tiles + np.linspace(-1, 1, tiles.shape[3], dtype=np.float32)

    stride = 48 if min(size) >= 64 else 30
    window = SlidingWindowConfig(crop_size=(64, 64), stride=(stride, stride), border="mirror")
    found = label_map_tiled(forward, image, TileSettings(Preprocess(), window, batch_size=batch_size))
    height, width = (min(64, side) + -(-max(0, side - min(64, side)) // stride) * stride for side in size)
    longer = np.pad(image, ((0, height - size[0]), (0, width - size[1]), (0, 0)), mode="reflect")
    inside = SlidingWindowConfig(crop_size=(64, 64), stride=(stride, stride))
    expected = label_map_tiled(forward, longer, TileSettings(Preprocess(), inside))
    assert found.shape == size
    assert (found == expected[: size[0], : size[1]]).all()
