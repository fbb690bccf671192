"""Large images in overlapping tiles, in memory that does not grow with their height."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segcli.config.schema import SlidingWindowConfig
from segcli.data.image import Labels, RgbImage
from segcli.inference.decode_labels import argmax, resize_logits
from segcli.inference.preprocess import Forward, normalise, resize_image
from segcli.models.spec import Preprocess

Blend = Literal["uniform", "ramp"]
"""How overlapping tiles are joined: all alike (PaddleSeg's sliding window), or less towards a tile's border."""


def tile_starts(length: int, crop: int, stride: int) -> list[int]:
    """Where the tiles along one side begin; the last one ends at the end, overlapping more (PaddleSeg's rule).

    Runnable example::

        >>> tile_starts(10, 4, 3)
        [0, 3, 6]
        >>> tile_starts(3, 4, 3)
        [0]
    """
    if length <= crop:
        return [0]
    count = -(-(length - crop) // stride) + 1
    return [min(index * stride, length - crop) for index in range(count)]


def label_map_tiled(
    forward: Forward,
    rgb: RgbImage,
    preprocess: Preprocess,
    window: SlidingWindowConfig,
    *,
    blend: Blend = "uniform",
    batch_size: int = 1,
    input_size: tuple[int, int] | None = None,
) -> Labels:
    """The label map of one image from overlapping tiles.

    Logits of overlapping tiles are added up (weighted by `blend`); dividing by the sum of weights would not change
    which class is largest. Only the rows that a later tile can still reach are kept: classes x crop height x width
    floats, however tall the image is.

    Args:
        forward: The network; must give logits.
        image: RGB, uint8 [H, W, 3].
        preprocess: How images become the network's input.
        window: Size of a tile and steps between tiles.
        blend: How tiles are joined.
        batch_size: Tiles at once.
        input_size: Height and width that the network needs; None takes the tiles as they are.

    Returns:
        uint8 [H, W].
    """
    height, width = rgb.shape[:2]
    crop_width, crop_height = min(window.crop_size[0], width), min(window.crop_size[1], height)
    columns = tile_starts(width, crop_width, window.stride[0])
    rows = tile_starts(height, crop_height, window.stride[1])
    weight = _weight(crop_height, crop_width, blend)
    labels = np.empty((height, width), np.uint8)
    sums: NDArray[np.float32] | None = None
    for top, following in zip(rows, [*rows[1:], height], strict=True):
        tiles = [rgb[top : top + crop_height, left : left + crop_width] for left in columns]
        for left, logits in zip(columns, _logits(forward, tiles, preprocess, batch_size, input_size), strict=True):
            if sums is None:
                sums = np.zeros((len(logits), crop_height, width), np.float32)
            sums[:, :, left : left + crop_width] += logits if weight is None else logits * weight
        assert sums is not None
        done = following - top
        labels[top:following] = argmax(sums[:, :done])
        sums[:, : crop_height - done] = sums[:, done:].copy()
        sums[:, crop_height - done :] = 0
    return labels


def _logits(
    forward: Forward,
    tiles: Sequence[RgbImage],
    preprocess: Preprocess,
    batch_size: int,
    input_size: tuple[int, int] | None,
) -> Iterator[NDArray[np.float32]]:
    height, width = tiles[0].shape[:2]
    needed = input_size or (height, width)
    for start in range(0, len(tiles), batch_size):
        batch = [resize_image(tile, *needed, area=preprocess.area) for tile in tiles[start : start + batch_size]]
        for logits in forward(normalise(batch, preprocess)):
            yield resize_logits(logits, height, width)


def _weight(height: int, width: int, blend: Blend) -> NDArray[np.float32] | None:
    if blend == "uniform":
        return None
    weight: NDArray[np.float32] = np.minimum(_ramp(height)[:, None], _ramp(width)[None, :])
    return weight


def _ramp(length: int) -> NDArray[np.float32]:
    """Rises from the border to 1 at a quarter of the tile, and never reaches 0."""
    distance = np.minimum(np.arange(length), np.arange(length)[::-1]) + 1.0
    return np.asarray(np.minimum(distance / max(1.0, length / 4), 1.0), np.float32)
