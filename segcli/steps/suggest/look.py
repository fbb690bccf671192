"""What is kept of an image that the model has looked at: a few hundred numbers, whatever its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.image import RgbImage

_THUMBNAIL = 8
"""Side of the image that stands for how an image looks."""
GRID = 4
"""Rows and columns of the grid that stands for where the model sees which class."""


@dataclass(frozen=True)
class Look:
    """What a model makes of an image.

    Attributes:
        entropy: How little the model decides, 0 to 1, in the mean.
        disagreement: How much it contradicts itself on the mirrored image, 0 to 1.
        colours: How the image looks, float32 [n].
        layout: Where the model sees which class, float32 [m].
    """

    entropy: float
    disagreement: float
    colours: NDArray[np.float32]
    layout: NDArray[np.float32]

    @property
    def unsure(self) -> float:
        """What the model does not know about the image."""
        return self.entropy + self.disagreement


class Looker(Protocol):
    """A model that looks at images and proposes labels for them."""

    def look(self, rgb: RgbImage) -> Look:
        """What the model makes of an image, RGB, uint8 [H, W, 3]."""

    def propose(self, rgb: RgbImage) -> list[dict[str, Any]]:
        """LabelMe shapes of what the model finds, each with its confidence as the description."""

    def labelled_images(self, dataset: Path) -> Sequence[Path]:
        """The images of the training part of a dataset of the model's task.

        Raises:
            DatasetError: The folder holds no such dataset.
        """


def colours_of(rgb: RgbImage) -> NDArray[np.float32]:
    """A thumbnail in Lab colours, float32 [192]."""
    small = cv2.resize(rgb, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32).ravel()


def layout_of(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of maps in the cells of a grid, float32 [maps * 16].

    Args:
        shares: [maps, h, w].
    """
    cells = [cv2.resize(one, (GRID, GRID), interpolation=cv2.INTER_AREA) for one in shares]
    return np.asarray(cells, np.float32).ravel()


def confidence(value: float) -> str:
    """How sure the model is of a proposal, as LabelMe shows it beside the shape."""
    return f"confidence {value:.2f}"


def binary_entropy(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy in bits of events of these probabilities, 0 to 1."""
    inside = np.clip(probability, 1e-7, 1 - 1e-7)
    return np.asarray(-inside * np.log2(inside) - (1 - inside) * np.log2(1 - inside))
