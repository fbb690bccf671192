"""The interface between predictors and the backends that run their networks: Paddle, ONNX Runtime or OpenVINO."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


class SamBackend(Protocol):
    """Runs a Segment Anything network on arrays.

    Attributes:
        fingerprint: Changes with the weights.
        mask_side: Side of the mask logits in pixels.
    """

    fingerprint: str
    mask_side: int

    def encode(self, image: FloatArray) -> FloatArray:
        """Maps an image ``[1, 3, S, S]`` to its embedding ``[1, C, g, g]``."""

    def decode(
        self, embedding: FloatArray, coords: FloatArray, labels: FloatArray, mask: FloatArray, has_mask: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Decodes prompts; see `segcli.models.promptable.sam.sam.Sam.forward`.

        Args:
            embedding: ``[1, C, g, g]``.
            coords: ``[B, N, 2]`` in model pixels.
            labels: ``[B, N]``.
            mask: ``[1, 1, m, m]`` logits of an earlier mask.
            has_mask: ``[1]``, 1 if `mask` is used, else 0.

        Returns:
            Logits ``[B, 4, m, m]`` and predicted IoU ``[B, 4]``.
        """


class TextBackend(Protocol):
    """Runs an LSeg network on arrays.

    Attributes:
        fingerprint: Changes with the weights.
    """

    fingerprint: str

    def encode_image(self, image: FloatArray) -> FloatArray:
        """Maps an image ``[1, 3, S, S]`` to unit vectors of pixels ``[1, D, S / 2, S / 2]``."""

    def encode_texts(self, texts: list[str], *, truncate: bool) -> FloatArray:
        """Maps K texts to unit vectors ``[K, D]``."""

    def compare(self, pixels: FloatArray, texts: FloatArray) -> FloatArray:
        """Maps pixels and texts to logits ``[K, S, S]``."""
