"""How images become the inputs of instance networks, the same in evaluate, export and predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.image import RgbImage
from segcli.inference.preprocess import NetworkInput, fitted_size, normalise, resize_image
from segcli.models.spec import Preprocess

Feeds = dict[str, NDArray[np.float32]]
"""The inputs of a network by name, sorted by name: ``im_shape``, ``image``, ``scale_factor``."""


@dataclass(frozen=True)
class PreparedImage:
    """One image, prepared as input of a network.

    Attributes:
        image: Normalised and padded, [1, 3, H, W].
        resized: Height and width after resizing, without the padding.
        size: Height and width of the original image.
    """

    image: NetworkInput
    resized: tuple[int, int]
    size: tuple[int, int]

    def feeds(self) -> Feeds:
        """The inputs of PaddleDetection's networks."""
        shape = np.array([self.resized], np.float32)
        scale = np.divide(shape, np.array([self.size], np.float32), dtype=np.float32)
        return {"im_shape": shape, "image": self.image, "scale_factor": scale}


def joined_feeds(images: Sequence[PreparedImage]) -> Feeds:
    """The inputs of several prepared images of the same size as one batch."""
    single = [rgb.feeds() for rgb in images]
    if len(single) == 1:
        return single[0]
    return {name: np.concatenate([feeds[name] for feeds in single]) for name in single[0]}


def prepare(rgb: RgbImage, preprocess: Preprocess) -> PreparedImage:
    """Resizes, normalises and pads an image (RGB, uint8 [H, W, 3]) as PaddleDetection's reader does."""
    height, width = rgb.shape[:2]
    resized = fitted_size(height, width, preprocess)
    image = _normalised(rgb, resized, preprocess)
    missing = [-side % preprocess.stride for side in resized]
    if preprocess.fits and preprocess.size is not None:
        missing = [whole - side for whole, side in zip(preprocess.size, resized, strict=True)]
    if any(missing):
        image = np.pad(image, ((0, 0), (0, 0), (0, missing[0]), (0, missing[1])))
    return PreparedImage(image, resized, (height, width))


def _normalised(rgb: RgbImage, size: tuple[int, int], preprocess: Preprocess) -> NetworkInput:
    """The image resized to (height, width) and normalised: [1, 3, H, W]."""
    if rgb.shape[:2] == size:
        return normalise([rgb], preprocess)
    if preprocess.exact:
        planes = normalise([rgb], preprocess)[0]
        return np.stack([cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR) for plane in planes])[None]
    if preprocess.cubic:
        return normalise([np.asarray(cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)], preprocess)
    return normalise([resize_image(rgb, *size, area=preprocess.area)], preprocess)
