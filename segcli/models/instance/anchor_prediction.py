"""The outputs of PP-YOLOE_seg's head for all anchors, for its losses and its decoding."""

from __future__ import annotations

from dataclasses import dataclass

from paddle import Tensor


@dataclass(frozen=True)
class AnchorPrediction:
    """Outputs of the head for all L anchors.

    Attributes:
        scores: Class probabilities [B, L, C].
        distributions: Logits over the distances to the four sides [B, L, 4 * bins].
        coefficients: Coefficients of the prototypes [B, L, K].
        prototypes: [B, K, h, w] at half the finest stride.
        centres: Anchor centres in units of their stride [L, 2].
        strides: [L, 1].
    """

    scores: Tensor
    distributions: Tensor
    coefficients: Tensor
    prototypes: Tensor
    centres: Tensor
    strides: Tensor

    def in_float32(self) -> AnchorPrediction:
        """The same in single precision, in which the losses are computed whatever precision the network has."""
        values = (self.scores, self.distributions, self.coefficients, self.prototypes, self.centres, self.strides)
        return AnchorPrediction(*[value.astype("float32") for value in values])
