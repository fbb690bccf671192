"""Dice loss of a batch with its gradient, in two passes over the probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from paddle import Tensor
from paddle.autograd import PyLayer

from segcli.models.host_memory import FloatArray, array_of, empty, tensor_of, without_warnings
from segcli.models.operators.bands import bands


class BatchDice(PyLayer):
    """The Dice loss [] of logits [N, C, P] and labels [N, P], averaged over the classes, as `BatchDiceLoss` defines it.

    Paddle's operators make the labels one map per class, and read all maps a dozen times. Values differ by rounding.
    """

    @staticmethod
    @without_warnings()
    def forward(ctx: Any, logits: Tensor, labels: Tensor, ignored: int, smooth: float) -> Tensor:
        """See the class."""
        given, truth = array_of(logits.contiguous()), array_of(labels.contiguous())
        classes = given.shape[1]
        found = np.empty_like(given)
        common, total = np.zeros(classes), np.zeros(classes)
        for image, band in bands(truth.shape):
            counted = truth[image, band] != ignored
            known = np.where(counted, truth[image, band], 0)
            part = _softmax(given[image, :, band], counted, out=found[image, :, band])
            of_truth = part[known, np.arange(known.size)]  # 0 where nothing is counted
            common += np.bincount(known, of_truth, classes)
            total += part.sum(1) + np.bincount(known, counted, classes)
        total += smooth
        overlap = (2 * common + smooth) / total
        ctx.found, ctx.truth, ctx.ignored = found, truth, ignored
        ctx.slopes = (overlap / total / classes).astype(np.float32), (-2 / total / classes).astype(np.float32)
        return tensor_of(np.asarray(1 - overlap.mean(), np.float32))

    @staticmethod
    @without_warnings()
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        """The gradient of the logits, through the softmax."""
        found: FloatArray = ctx.found
        of_all, of_true = (slope * array_of(upstream) for slope in ctx.slopes)
        gradient = empty(found.shape)
        for image, band in bands(ctx.truth.shape):
            counted = ctx.truth[image, band] != ctx.ignored
            known, pixels = np.where(counted, ctx.truth[image, band], 0), np.arange(counted.size)
            part, out = found[image, :, band], gradient[image, :, band]
            more = part[known, pixels] * of_true[known]
            np.multiply(part, of_all[:, None] - (of_all @ part + more), out=out)
            out[known, pixels] += more
        return tensor_of(gradient)


def _softmax(logits: FloatArray, counted: np.ndarray[Any, np.dtype[np.bool_]], *, out: FloatArray) -> FloatArray:
    """Writes the probabilities [C, P], 0 in pixels that are not counted."""
    np.subtract(logits, logits.max(0), out=out)
    np.exp(out, out=out)
    out *= counted / out.sum(0)
    return out
