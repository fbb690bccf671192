"""Square input of promptable models: resize the long side, normalise, pad; and map masks back to the image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from segcli.models.promptable.specs import Promptable, PromptKind
from segcli.models.spec import Preprocess

FloatArray = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Placement:
    """Position of an image in the model's input (top left, the rest is padding).

    Attributes:
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        resized_height: Height of the image in the model's input.
        resized_width: Width of the image in the model's input.
        side: Side of the model's square input in pixels.
    """

    height: int
    width: int
    resized_height: int
    resized_width: int
    side: int

    def to_model(self, points: npt.NDArray[Any]) -> FloatArray:
        """Maps points ``[..., 2]`` (x, y) from image pixels to pixels of the model's input."""
        scale = np.array([self.resized_width / self.width, self.resized_height / self.height], np.float64)
        return (np.asarray(points, np.float64) * scale).astype(np.float32)

    def to_image(self, logits: FloatArray) -> FloatArray:
        """Resizes a map ``[h, w]`` of the model's whole input to the image, ``[height, width]``, bilinearly."""
        whole = cv2.resize(logits, (self.side, self.side), interpolation=cv2.INTER_LINEAR)
        cut = whole[: self.resized_height, : self.resized_width]
        out: FloatArray = cv2.resize(cut, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        return out

    def used_part(self, size: int) -> tuple[int, int]:
        """Rows and columns that the image fills in a ``size x size`` map of the model's input."""
        return -(-self.resized_height * size // self.side), -(-self.resized_width * size // self.side)


@dataclass(frozen=True)
class SquareInput:
    """The preprocessing of a promptable model.

    Attributes:
        side: Side of the model's square input in pixels.
        mean: Subtracted from each channel, in 0..255.
        std: Divides each channel, in 0..255.
        rounds: Whether the resized sides are rounded (Segment Anything) or truncated (ModelScope's LSeg).
    """

    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    rounds: bool = True

    @classmethod
    def of(cls, model: Promptable, preprocess: Preprocess | None = None) -> SquareInput:
        """The input for weights with this preprocessing; None uses the model's default."""
        values = preprocess or model.preprocess
        mean, std = ((r * 255, g * 255, b * 255) for r, g, b in (values.mean, values.std))
        return cls(model.side, mean, std, rounds=model.prompt_kind is PromptKind.CLICKS)

    @property
    def fingerprint(self) -> str:
        """A digest that changes whenever the preprocessing would change an embedding."""
        return hashlib.sha256(repr(("square input 1", self)).encode()).hexdigest()

    def place(self, height: int, width: int) -> Placement:
        """The position of an image of this size."""
        scale = self.side / max(height, width)
        extra = 0.5 if self.rounds else 0.0
        resized = (max(1, int(height * scale + extra)), max(1, int(width * scale + extra)))
        return Placement(height, width, resized[0], resized[1], self.side)

    def __call__(self, image: UInt8Array) -> tuple[FloatArray, Placement]:
        """Resizes, normalises and pads an image.

        Args:
            image: ``[H, W, 3]`` uint8, RGB.

        Returns:
            ``[1, 3, side, side]`` float32, with padding of 0 after normalising, and the position of the image.
        """
        placement = self.place(*image.shape[:2])
        size = (placement.resized_width, placement.resized_height)
        # Pillow's bilinear filter averages when it shrinks, OpenCV's does not; the networks were trained with Pillow's.
        resized = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR), np.float32)
        normal = (resized - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        padded = np.zeros((1, 3, self.side, self.side), np.float32)
        padded[0, :, : placement.resized_height, : placement.resized_width] = normal.transpose(2, 0, 1)
        return padded, placement
