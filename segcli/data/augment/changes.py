"""The random parameters of an augmentation: where images go, how they are bent, which colours they get."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.augment.scene import Cell, Map, Matrix
from segcli.data.image import RgbImage

Random = np.random.Generator
_LEVELS = np.arange(256, dtype=np.float32)
_CENTRE = (0.3, 0.7)
"""Where in the canvas the four images of a mosaic may meet, in sides."""
_ELASTIC_KNOTS = 5
_ELASTIC_SHARE = 0.05
"""Deviation of the knots, in sides."""


def zoomed(random: Random, height: int, width: int, scales: tuple[float, float], *, mirrors: bool = False) -> Matrix:
    """An image grown or shrunk at a random place of a canvas of its own size.

    Args:
        random: Source of the numbers.
        height: Of image and canvas, in pixels.
        width: Likewise.
        scales: Smallest and largest scale; the logarithm is uniform.
        mirrors: Whether left and right are exchanged in half of the cases.
    """
    scale = float(np.exp(random.uniform(*np.log(scales))))
    room = [side * (1 - scale) for side in (width, height)]
    shift = [random.uniform(min(0.0, free), max(0.0, free)) for free in room]
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    if mirrors and random.random() < 0.5:
        matrix[0] = [-scale, 0, scale * (width - 1) + shift[0]]
    return matrix


def mosaic_cells(random: Random, height: int, width: int) -> list[Cell]:
    """The four cells of a canvas."""
    middle = [max(1, min(side - 1, round(side * random.uniform(*_CENTRE)))) for side in (height, width)]
    rows, columns = ((0, middle[0]), (middle[0], height)), ((0, middle[1]), (middle[1], width))
    return [Cell(top, left, end - top, edge - left) for top, end in rows for left, edge in columns]


def covering(random: Random, height: int, width: int, cell: Cell, scales: tuple[float, float]) -> Matrix:
    """A random part of an image at a scale near its own, as large as a cell."""
    least = max(cell.height / height, cell.width / width)
    scale = max(least, float(np.exp(random.uniform(*np.log(scales)))))
    left, top = (
        float(random.uniform(min(0.0, room - side * scale), 0))
        for room, side in ((cell.width, width), (cell.height, height))
    )
    return np.array([[scale, 0, left], [0, scale, top]])


def elastic_maps(random: Random, height: int, width: int) -> tuple[Map, Map]:
    """Columns and rows [H, W] from which a smoothly bent image takes its pixels."""
    grids = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    bent: list[Map] = []
    for grid, side in zip(grids, (width, height), strict=True):
        knots = random.normal(0, _ELASTIC_SHARE * side / 2, (_ELASTIC_KNOTS, _ELASTIC_KNOTS)).astype(np.float32)
        knots = np.clip(knots, -_ELASTIC_SHARE * side, _ELASTIC_SHARE * side)
        bent.append(grid + cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC))
    return bent[0], bent[1]


def recoloured(random: Random, rgb: RgbImage, strength: float) -> RgbImage:
    """Other brightness, contrast, gamma and white balance; blurred or noisy in some cases.

    Args:
        random: Source of the numbers.
        rgb: uint8 [H, W, 3].
        strength: 0 changes nothing, 1 much.
    """
    gamma = float(np.exp(random.uniform(-1, 1) * 0.5 * strength))
    contrast = 1 + random.uniform(-0.4, 0.4) * strength
    brightness = random.uniform(-50, 50) * strength
    gains = 1 + random.uniform(-0.15, 0.15, 3) * strength
    curve = 255 * (_LEVELS / 255) ** gamma
    tables = np.stack([(curve - 127.5) * contrast * gain + 127.5 + brightness for gain in gains], axis=-1)
    changed: NDArray[np.uint8] = np.asarray(cv2.LUT(rgb, np.clip(np.rint(tables), 0, 255).astype(np.uint8)[None]))
    kind = random.random()
    if kind < 0.2 * strength:
        return np.asarray(cv2.GaussianBlur(changed, (0, 0), 0.3 + random.uniform(0, 1.2) * strength), np.uint8)
    if kind < 0.4 * strength:
        noise = random.normal(0, 12 * strength, rgb.shape).astype(np.float32)
        return np.asarray(np.clip(np.rint(changed + noise), 0, 255), np.uint8)
    return changed
