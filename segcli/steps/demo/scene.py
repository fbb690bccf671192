"""Composes demo images: leaves (polygons), tiles (rectangles) and coins (circles)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLASS_NAMES = ("leaf", "tile", "coin")
_TRIES = 80
_LEAF_STEPS = 14


@dataclass(frozen=True)
class PlacedShape:
    """One object as LabelMe describes it.

    Attributes:
        label: Class name.
        kind: LabelMe's shape type: ``polygon``, ``rectangle`` or ``circle``.
        points: x, y in pixels; two corners of a rectangle, centre and rim point of a circle.
    """

    label: str
    kind: str
    points: tuple[tuple[float, float], ...]

    @property
    def array(self) -> NDArray[np.float64]:
        """The points as float64 [n, 2]."""
        return np.asarray(self.points, dtype=np.float64)


def _shape(label: str, kind: str, points: NDArray[np.float64]) -> PlacedShape:
    return PlacedShape(label, kind, tuple((round(float(x), 2), round(float(y), 2)) for x, y in points))


def _leaf(rng: np.random.Generator, centre: NDArray[np.float64], radius: float) -> PlacedShape:
    along = np.linspace(0.0, 1.0, _LEAF_STEPS)
    half_width = rng.uniform(0.42, 0.58) * radius * np.sin(math.pi * along**0.8)
    half_width *= 1 + 0.10 * np.sin(along * math.pi * rng.integers(5, 9))
    x = (2 * along - 1) * radius
    bend = rng.uniform(-0.25, 0.25) * radius * (1 - (2 * along - 1) ** 2)
    upper = np.stack([x, bend + half_width], axis=1)
    lower = np.stack([x, bend - half_width], axis=1)[1:-1][::-1]
    angle = rng.uniform(0, 2 * math.pi)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return _shape("leaf", "polygon", np.concatenate([upper, lower]) @ turn + centre)


def _tile(rng: np.random.Generator, centre: NDArray[np.float64], radius: float) -> PlacedShape:
    angle = rng.uniform(0.22, 0.28) * math.pi
    half = radius * np.array([math.cos(angle), math.sin(angle)])
    return _shape("tile", "rectangle", np.stack([centre - half, centre + half]))


def _coin(rng: np.random.Generator, centre: NDArray[np.float64], radius: float) -> PlacedShape:
    angle = rng.uniform(0, 2 * math.pi)
    rim = centre + radius * np.array([math.cos(angle), math.sin(angle)])
    return _shape("coin", "circle", np.stack([centre, rim]))


_Maker = Callable[[np.random.Generator, NDArray[np.float64], float], PlacedShape]
_MAKERS: dict[str, tuple[_Maker, tuple[float, float]]] = {
    "leaf": (_leaf, (0.22, 0.32)),
    "tile": (_tile, (0.20, 0.28)),
    "coin": (_coin, (0.12, 0.18)),
}
"""Maker and range of the outer radius, in shares of the image's shorter side."""


def compose(rng: np.random.Generator, width: int, height: int) -> list[PlacedShape]:
    """Three to five objects, every class at least once where there is room, hardly overlapping.

    Args:
        rng: Random generator.
        width: Image width in pixels.
        height: Image height in pixels.

    Returns:
        The objects in the order in which they are painted.
    """
    labels = list(rng.permutation(CLASS_NAMES)) + list(rng.choice(CLASS_NAMES, size=rng.integers(0, 3)))
    taken: list[tuple[NDArray[np.float64], float]] = []
    shapes = []
    for label in labels:
        maker, (low, high) = _MAKERS[label]
        for _ in range(_TRIES):
            radius = rng.uniform(low, high) * min(width, height)
            centre = rng.uniform([0.9 * radius] * 2, [width - 0.9 * radius, height - 0.9 * radius])
            if all(np.hypot(*(centre - other)) > 0.85 * (radius + reach) for other, reach in taken):
                taken.append((centre, radius))
                shapes.append(maker(rng, centre, radius))
                break
    return shapes
