"""Training images as PaddleDetection's transforms make them, a function of the draw's number alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segcli.data.decoded_cache import DecodedCache
from segcli.data.image import read_image
from segcli.data.sampling import Draws, seed_augmentation


@dataclass(frozen=True)
class TrainingImage:
    """One image and its objects, as PaddleDetection's transforms want them.

    Attributes:
        path: The image.
        image_id: Its id in the annotation file.
        boxes: [n, 4] float32, ``xyxy`` in pixels.
        classes: [n, 1] int32, class indices from 0.
        outlines: For each object its polygons (lists of x, y, x, y, ...) or its RLE.
    """

    path: str
    image_id: int
    boxes: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int32]
    outlines: Sequence[Any]


class InstanceStream:
    """The endless training set: item `d` is draw number `d` of a `Draws`; a cache keeps decoded images."""

    def __init__(
        self,
        images: Sequence[TrainingImage],
        transforms: Sequence[Callable[[Any], Any]],
        draws: Draws,
        cache: DecodedCache | None = None,
    ) -> None:
        self._images = images
        self._transforms = transforms
        self._draws = draws
        self._cache = cache

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, draw: int) -> dict[str, Any]:
        """Reads and transforms one sample."""
        sample = read_sample(self._images[self._draws.sample(draw)], self._cache)
        seed_augmentation(self._draws.seed_of(draw))
        for transform in self._transforms:
            sample = transform(sample)
        return sample

    def path_of(self, draw: int) -> str:
        """Path of the image of a draw, for messages."""
        return self._images[self._draws.sample(draw)].path


def read_sample(rgb: TrainingImage, cache: DecodedCache | None = None) -> dict[str, Any]:
    """The sample before any transform; what transforms may change in place is copied."""
    image = read_image(rgb.path) if cache is None else cache.read(Path(rgb.path), read_image).copy()
    height, width = image.shape[:2]
    return {
        "im_id": np.array([rgb.image_id]),
        "h": float(height),
        "w": float(width),
        "is_crowd": np.zeros((len(rgb.boxes), 1), np.int32),
        "gt_class": rgb.classes.copy(),
        "gt_bbox": rgb.boxes.copy(),
        "gt_poly": copy.deepcopy(list(rgb.outlines)),
        "image": image,
        "im_shape": np.array([height, width], np.float32),
        "scale_factor": np.array([1.0, 1.0], np.float32),
    }
