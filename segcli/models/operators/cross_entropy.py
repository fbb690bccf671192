"""Cross entropy with its gradient in one pass over the logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import paddle
import paddle.nn.functional as F
from paddle import Tensor
from paddle.autograd import PyLayer

from segcli.models import operators
from segcli.models.host_memory import array_of, empty, tensor_of, without_warnings
from segcli.models.operators.bands import bands

_OPTIONS = {"axis", "ignore_index", "reduction", "weight"}
_LOWEST = -64.0
"""Logits are cut here below the largest of their pixel, as by Paddle: a pixel's loss is 64 at most."""


@paddle.jit.not_to_static
def cross_entropy(input: Tensor, label: Tensor, **options: Any) -> Tensor:
    """`paddle.nn.functional.cross_entropy`; the loss per pixel in training takes half the time.

    Paddle's softmax takes one pixel after the other, whose few classes do not fill the processor's vectors; here the
    pixels of a class are computed together. Values differ by rounding.

    Args:
        input: Logits [N, C, H, W] with ``axis=1``, or [N, H, W, C].
        label: Integers [N, H, W], or with an axis of 1 for the classes.
        options: As Paddle's function takes them.
    """
    axis = options.get("axis", -1)
    is_per_pixel = input.ndim == 4 and axis in (1, -1) and options.get("reduction") == "none"
    if not is_per_pixel or not options.keys() <= _OPTIONS or not operators.is_ours(input):
        return F.cross_entropy(input, label, **options)
    logits = input if axis == 1 else input.transpose([0, 3, 1, 2])
    images, classes = logits.shape[:2]
    labels, ignored = label.reshape([images, -1]), options.get("ignore_index", -100)
    if not are_known(labels, classes, ignored):
        return F.cross_entropy(input, label, **options)  # says what is wrong with them
    loss = _CrossEntropy.apply(logits.flatten(2), labels, ignored)
    if options.get("weight") is not None:
        known = paddle.where(labels != ignored, labels, paddle.zeros_like(labels))
        loss = loss * options["weight"].gather(known.flatten()).reshape(loss.shape)
    out: Tensor = loss.reshape(label.shape)
    return out


def are_known(labels: Tensor, classes: int, ignored: int) -> bool:
    """Whether labels are int64 and each is a class or the ignored id; Paddle's operators refuse others."""
    given = array_of(labels)
    return given.dtype == np.int64 and bool(((given >= 0) & (given < classes) | (given == ignored)).all())


class _CrossEntropy(PyLayer):
    """Losses [N, P] of logits [N, C, P] and labels [N, P]; those of ignored pixels are 0."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, ignored: int) -> Tensor:
        given, truth = array_of(logits.contiguous()), array_of(labels.contiguous())
        gradient, losses = np.empty_like(given), empty(truth.shape)
        for image, band in bands(truth.shape):
            losses[image, band] = _write_gradient(
                gradient[image, :, band], given[image, :, band], truth[image, band], ignored
            )
        ctx.gradient = gradient
        return tensor_of(losses)

    @staticmethod
    @without_warnings()
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        return tensor_of(np.multiply(ctx.gradient, array_of(upstream)[:, None], out=empty(ctx.gradient.shape)))


@without_warnings()
def _write_gradient(
    gradient: npt.NDArray[np.float32], logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], ignored: int
) -> npt.NDArray[np.float32]:
    """Writes the gradient [C, P], softmax minus truth, and returns the losses [P]."""
    counted, pixels = labels != ignored, np.arange(labels.size)
    truth = np.where(counted, labels, 0)
    shifted = np.maximum(logits - logits.max(0), np.float32(_LOWEST))
    of_truth = shifted[truth, pixels]
    total = np.exp(shifted, out=shifted).sum(0)
    np.multiply(shifted, counted / total, out=gradient)
    gradient[truth, pixels] -= counted
    losses: npt.NDArray[np.float32] = (np.log(total) - of_truth) * counted
    return losses
