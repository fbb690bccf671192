"""Augmented images with their labels; those at a position of a training depend on seed and position alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from segcli.data.augment.changes import Random, covering, elastic_maps, mosaic_cells, recoloured, zoomed
from segcli.data.augment.scene import ObjectScene, Scene
from segcli.data.sampling import SampleOrder

S = TypeVar("S", bound=Scene)
_STREAM = 1
"""Sets these random numbers apart from those of the libraries' transforms of the same position."""
_MOSAIC_SCALES = (0.6, 1.0)
_PASTED_SCALES = (0.5, 1.5)
_PASTED_SHARE = 0.5
"""Chance of each object to be pasted."""


@dataclass(frozen=True)
class Augmentation:
    """What is done to training images; see the keys of `Train.augment`.

    Attributes:
        mosaic: Chance that an image is one of four parts.
        copy_paste: Chance that objects of another image are put into an image.
        turn: Chance that an image is turned by a quarter, to the left or to the right.
        scale_jitter: Smallest and largest scale; None leaves it.
        elastic: Chance that an image is bent.
        photometric: Strength of the change of colours, 0 to 1.
        close_share: Last part of the training without mosaic and pasted objects.
    """

    mosaic: float = 0.0
    copy_paste: float = 0.0
    turn: float = 0.0
    scale_jitter: tuple[float, float] | None = None
    elastic: float = 0.0
    photometric: float = 0.0
    close_share: float = 0.15

    @property
    def is_any(self) -> bool:
        """Whether anything is done."""
        return any((self.mosaic, self.copy_paste, self.turn, self.scale_jitter, self.elastic, self.photometric))


class Augmenter(Generic[S]):
    """Makes the scene at a position.

    Args:
        settings: What is done.
        order: Which sample each position has.
        load: Number of a sample -> its scene.
        iterations: Length of the training, whose end is without mosaic and pasted objects.
    """

    def __init__(self, settings: Augmentation, order: SampleOrder, load: Callable[[int], S], iterations: int) -> None:
        self._settings = settings
        self._order = order
        self._load = load
        per_iteration = order.batch_size * order.world_size
        self._closed_from = int(iterations * (1 - settings.close_share)) * per_iteration

    def __call__(self, position: int) -> S:
        """The scene at a position."""
        settings = self._settings
        random = np.random.default_rng((self._order.seed, position, _STREAM))
        scene = self._load(self._order.sample(position))
        if position < self._closed_from:
            if random.random() < settings.mosaic:
                scene = self._mosaic(scene, random)
            if isinstance(scene, ObjectScene) and random.random() < settings.copy_paste:
                scene = self._with_pasted(scene, random)
        if settings.turn and random.random() < settings.turn:
            scene = scene.turned(random.choice((1, 3)))
        height, width = scene.rgb.shape[:2]
        if settings.scale_jitter is not None:
            scene = scene.moved(zoomed(random, height, width, settings.scale_jitter), height, width)
        if random.random() < settings.elastic:
            scene = scene.bent(*elastic_maps(random, height, width))
        if settings.photometric:
            scene = scene.recoloured(recoloured(random, scene.rgb, settings.photometric))
        return scene

    def _other(self, random: Random) -> S:
        return self._load(int(random.integers(self._order.samples)))

    def _mosaic(self, scene: S, random: Random) -> S:
        """Four images side by side, in the size of the first."""
        height, width = scene.rgb.shape[:2]
        cells = mosaic_cells(random, height, width)
        parts = []
        for part, cell in zip([scene, *(self._other(random) for _ in cells[1:])], cells, strict=True):
            move = covering(random, part.rgb.shape[0], part.rgb.shape[1], cell, _MOSAIC_SCALES)
            parts.append((part.moved(move, cell.height, cell.width), cell))
        return scene.joined(parts, height, width)

    def _with_pasted(self, scene: Any, random: Random) -> Any:
        """Some objects of another image, at other scales, over this one."""
        other: Any = self._other(random)
        rows = [row for row in range(len(other.masks)) if random.random() < _PASTED_SHARE]
        if not rows:
            return scene
        height, width = scene.rgb.shape[:2]
        there, beside = other.rgb.shape[:2]
        move = zoomed(random, height, width, _PASTED_SCALES, mirrors=True)
        fit = min(height / there, width / beside)
        move = np.asarray(move @ np.array([[fit, 0, 0], [0, fit, 0], [0, 0, 1]]))
        return scene.pasted(other.chosen(rows).moved(move, height, width))
