"""Features that are kept of each image after prediction: a few hundred numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.image import RgbImage, shown

_THUMBNAIL = 8
"""Side in pixels of the thumbnail that describes the appearance of an image."""
GRID = 4
"""Rows and columns of the grid that describes where the model finds which class."""


@dataclass(frozen=True)
class Look:
    """Features and uncertainty of one image.

    Attributes:
        entropy: Mean normalised entropy of the predictions, 0 to 1.
        disagreement: Disagreement with the predictions on the mirrored image, 0 to 1.
        colours: Appearance of the image, float32 [n].
        layout: Where the model finds which class, float32 [m].
    """

    entropy: float
    disagreement: float
    colours: NDArray[np.float32]
    layout: NDArray[np.float32]

    @property
    def unsure(self) -> float:
        """Uncertainty of the model on the image: entropy plus disagreement."""
        return self.entropy + self.disagreement


class Looker(Protocol):
    """A model that measures its uncertainty on images and proposes labels."""

    def look(self, rgb: RgbImage) -> Look:
        """Returns features and uncertainty of an image, RGB, uint8 [H, W, 3]."""

    def propose(self, rgb: RgbImage) -> list[dict[str, Any]]:
        """Returns LabelMe shapes of the predictions, each with its confidence as the description."""

    def labelled_images(self, dataset: Path) -> Sequence[Path]:
        """Returns the images of the training split of a dataset of the model's task.

        Raises:
            DatasetError: The folder holds no such dataset.
        """


def colours_of(rgb: RgbImage) -> NDArray[np.float32]:
    """A thumbnail in Lab colours, float32 [192]."""
    small = cv2.resize(shown(rgb), (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32).ravel()


def layout_of(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of maps in the cells of a grid, float32 [maps * 16].

    Args:
        shares: [maps, h, w].
    """
    cells = [cv2.resize(one, (GRID, GRID), interpolation=cv2.INTER_AREA) for one in shares]
    return np.asarray(cells, np.float32).ravel()


def confidence(value: float) -> str:
    """Text for the confidence of a proposal, shown by LabelMe beside the shape."""
    return f"confidence {value:.2f}"


def binary_entropy(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy in bits of events with these probabilities, 0 to 1."""
    inside = np.clip(probability, 1e-7, 1 - 1e-7)
    return np.asarray(-inside * np.log2(inside) - (1 - inside) * np.log2(1 - inside))
