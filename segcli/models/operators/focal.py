"""Focal loss of binary masks with its gradient in one pass over the logits."""

from __future__ import annotations

from typing import Any

import numpy as np
from paddle import Tensor
from paddle.autograd import PyLayer

from segcli.models.host_memory import FloatArray, array_of, empty, tensor_of, without_warnings
from segcli.models.operators.bands import bands


class FocalLoss(PyLayer):
    """Mean focal losses [N] (Lin et al. 2017, equation 5, gamma 2) of logits [N, P] on the CPU.

    The targets [N, P] are 0 or 1, those that are 1 have the weight `alpha`, the others 1 - `alpha`.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, alpha: float) -> Tensor:
        """See the class."""
        given, truth = array_of(logits.contiguous()), array_of(targets.contiguous())
        gradient, losses = np.empty_like(given), np.zeros(len(given))
        for row, columns in bands(given.shape):
            band = (row, columns)
            losses[row] += _write_gradient(gradient[band], given[band], truth[band], alpha)
        ctx.gradient = gradient
        return tensor_of((losses / given.shape[1]).astype(np.float32))

    @staticmethod
    @without_warnings()
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        """The gradient of the logits."""
        gradient: FloatArray = ctx.gradient
        given: FloatArray = array_of(upstream)
        share = given / np.float32(gradient.shape[1])
        return tensor_of(np.multiply(gradient, share[:, None], out=empty(gradient.shape)))


@without_warnings()
def _write_gradient(gradient: FloatArray, logits: FloatArray, targets: FloatArray, alpha: float) -> float:
    """Writes the gradient [P] of the losses of these logits, and returns their sum."""
    signs = 1 - 2 * targets
    wrong, entropy = _error(logits * signs)
    weights = wrong * wrong
    weights *= (1 - alpha) + (2 * alpha - 1) * targets
    total = float(weights @ entropy)
    entropy *= 2 * (1 - wrong)
    entropy += wrong
    entropy *= weights
    np.multiply(entropy, signs, out=gradient)
    return total


def _error(logits: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Probability that a pixel is foreground, and the cross entropy where it is not."""
    small = np.exp(-np.abs(logits))
    probability = np.where(logits >= 0, np.float32(1), small)
    probability /= 1 + small
    entropy = np.log1p(small, out=small)
    entropy += np.maximum(logits, 0)
    return probability, entropy


@without_warnings()
def focal_costs(logits: Tensor, targets: Tensor, alpha: float) -> Tensor:
    """Mean focal loss [N, M] of each of the masks of logits [N, P] for each of the targets [M, P]; no gradient."""
    given, truth = array_of(logits.contiguous()), array_of(targets.contiguous())
    costs = np.zeros((len(given), len(truth)), np.float32)
    for row, values in enumerate(given):
        wrong, entropy = _error(values)
        background = (1 - alpha) * wrong * wrong * entropy
        foreground = alpha * (1 - wrong) ** 2 * (entropy - values)
        costs[row] = truth @ (foreground - background) + background.sum()
    costs /= given.shape[1]
    return tensor_of(costs)
