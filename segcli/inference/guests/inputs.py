"""Converts segcli's input (normalised, RGB or bands) to that of a third-party model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segcli.inference.preprocess import NetworkInput
from segcli.models.spec import Preprocess

if TYPE_CHECKING:
    from segcli.models.guest_card import GuestInput

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Shares of red, green and blue in grey."""
_BITS = 255.0


@dataclass(frozen=True)
class GuestInputs:
    """Converts inputs for a third-party model.

    Attributes:
        card: Description of the network's input.
        dtype: NumPy type of the network's input.
    """

    card: GuestInput
    dtype: str

    def __call__(self, images: NetworkInput) -> NDArray[Any]:
        """The network's input for normalised images [N, C, H, W], which must have the size that it takes."""
        chosen = self._channels(images)
        if self.dtype == "uint8":
            means, stds = (np.array(values, np.float32)[:, None, None] for values in (self.card.means, self.card.stds))
            chosen = np.clip(np.rint(chosen * stds + means), 0, _BITS)
        if self.card.layout == "NHWC":
            chosen = chosen.transpose(0, 2, 3, 1)
        return np.ascontiguousarray(chosen, np.dtype(self.dtype))

    def _channels(self, images: NetworkInput) -> NetworkInput:
        channels = self.card.channels
        if channels == "RGB":
            return images
        if channels == "BGR":
            return images[:, ::-1]
        if channels == "GREY":
            return np.tensordot(images, LUMA, axes=([1], [0]))[:, None]
        return images[:, [band - 1 for band in channels]]

    def padding(self) -> NetworkInput:
        """The normalised values around an image that does not fill the input, [C, 1, 1] in segcli's channels."""
        mean, std = _mean_and_std(self.card)
        if self.card.pad is None:
            return np.zeros((len(mean), 1, 1), np.float32)
        grey = self.card.pad / _BITS
        values = [(grey - one) / other for one, other in zip(mean, std, strict=True)]
        return np.array(values, np.float32)[:, None, None]

    def padded(self, images: NetworkInput) -> NetworkInput:
        """Images padded at the right and at the bottom, so that their sides are multiples of the stride."""
        missing = [-side % self.card.stride for side in images.shape[2:]]
        if not any(missing):
            return images
        return np.pad(images, ((0, 0), (0, 0), (0, missing[0]), (0, missing[1])), mode="edge")

    def placed(self, images: NetworkInput, resized: tuple[int, int]) -> tuple[NetworkInput, tuple[int, int]]:
        """The image at the position that the network expects, and its corner (top, left) there.

        Args:
            images: [1, C, H, W], with the image in the upper left corner.
            resized: Height and width of that image.
        """
        height, width = images.shape[2:]
        free = height - resized[0], width - resized[1]
        top, left = (free[0] // 2, free[1] // 2) if self.card.resize == "letterbox" else (0, 0)
        if not any(free):
            return images, (0, 0)
        canvas = np.empty_like(images)
        canvas[:] = self.padding()
        canvas[:, :, top : top + resized[0], left : left + resized[1]] = images[:, :, : resized[0], : resized[1]]
        return canvas, (top, left)


def preprocess_of(card: GuestInput) -> Preprocess:
    """The preprocessing of segcli's input for a third-party model."""
    mean, std = _mean_and_std(card)
    keeps = card.resize != "stretch"
    return Preprocess(
        mean=mean,
        std=std,
        size=card.size,
        keep_ratio=keeps,
        fits=keeps,
        image_range=card.range,
    )


def _mean_and_std(card: GuestInput) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of segcli's channels, for values from 0 to 1."""
    mean, std = ([value / card.white for value in values] for values in (card.means, card.stds))
    if card.channels == "BGR":
        return tuple(mean[::-1]), tuple(std[::-1])
    if card.channels == "GREY":
        return tuple(mean * 3), tuple(std * 3)
    if isinstance(card.channels, str):
        return tuple(mean), tuple(std)
    bands = card.bands or card.count
    return _spread(mean, card.channels, bands, 0.0), _spread(std, card.channels, bands, 1.0)


def _spread(values: Sequence[float], channels: Sequence[int], bands: int, other: float) -> tuple[float, ...]:
    placed = dict(zip(channels, values, strict=True))
    return tuple(placed.get(band, other) for band in range(1, bands + 1))
