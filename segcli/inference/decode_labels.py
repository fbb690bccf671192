"""From logits to label maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.image import Labels, RgbImage
from segcli.errors import WeightsError
from segcli.inference.activation import PLAIN, Activation
from segcli.inference.label_scores import LabelScores, label_scores
from segcli.inference.preprocess import (
    Forward,
    GivesLabels,
    GivesLabelsOfRows,
    ImageRows,
    NetworkInput,
    fitted_size,
    normalise,
    pad_input,
    resize_image,
)
from segcli.models.spec import Preprocess

_ROWS = 64
"""Rows per step of `argmax`: few enough to stay in the processor's cache."""


def label_maps(
    forward: Forward,
    images: Sequence[RgbImage],
    preprocess: Preprocess,
    *,
    input_size: tuple[int, int] | None = None,
    own_size: bool = True,
) -> list[Labels]:
    """The label map of each image.

    Args:
        forward: The network.
        images: RGB, uint8 [H, W, 3], all of the same size.
        preprocess: How images become its input.
        input_size: Height and width that the network needs; None resizes the images as `preprocess` says. If
            `preprocess` keeps the aspect ratio, the image lies in the upper left corner and the rest is padding.
        own_size: Whether label maps have the size of the images; if False, that of the network's input.

    Returns:
        One label map per image, uint8 [H, W].
    """
    resized, used, padded = _resized(images, preprocess, input_size)
    height, width = images[0].shape[:2] if own_size else used
    if isinstance(forward, GivesLabelsOfRows) and forward.takes_rows(*padded):
        given = (ImageRows(rgb, preprocess, padded) for rgb in resized)
        return [forward.labels_of_rows(rows, used, (height, width)) for rows in given]
    inputs = pad_input(normalise(resized, preprocess), padded)
    if isinstance(forward, GivesLabels):
        return list(forward.labels(inputs, used, (height, width)))
    outputs = forward(inputs)
    rows, columns = inside(outputs.shape[-2:], used, padded)
    return [labels_of(output[..., :rows, :columns], height, width) for output in outputs]


def scored_maps(
    forward: Forward,
    images: Sequence[RgbImage],
    preprocess: Preprocess,
    *,
    input_size: tuple[int, int] | None = None,
    own_size: bool = True,
    activation: Activation = PLAIN,
) -> list[LabelScores]:
    """The label map of each image and its confidence; see `label_maps` and `label_scores`.

    Raises:
        WeightsError: The model returns label maps only.
    """
    inputs, used, padded = network_inputs(images, preprocess, input_size)
    outputs = require_logits(forward(inputs))
    height, width = images[0].shape[:2] if own_size else used
    rows, columns = inside(outputs.shape[-2:], used, padded)
    return [label_scores(output[..., :rows, :columns], height, width, activation) for output in outputs]


def logits_of(
    forward: Forward, image: RgbImage, preprocess: Preprocess, *, input_size: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """Outputs (logits or probabilities) [classes, h, w] of an image, in the network's own resolution; see `label_maps`.

    Raises:
        WeightsError: The model returns label maps only.
    """
    inputs, used, padded = network_inputs([image], preprocess, input_size)
    output = require_logits(forward(inputs))[0]
    rows, columns = inside(output.shape[-2:], used, padded)
    return np.asarray(output[:, :rows, :columns], np.float32)


def require_logits(outputs: NDArray[Any]) -> NDArray[np.float32]:
    """Checks that outputs are logits [N, classes, h, w], and returns them.

    Raises:
        WeightsError: The model returns label maps only.
    """
    if outputs.ndim != 4 or np.issubdtype(outputs.dtype, np.integer):
        raise WeightsError(
            "the model returns label maps, not logits",
            hint="import or export it with logits or probabilities",
        )
    return outputs


def network_inputs(
    images: Sequence[RgbImage], preprocess: Preprocess, input_size: tuple[int, int] | None
) -> tuple[NetworkInput, tuple[int, int], tuple[int, int]]:
    """The network's input, then height and width of the images in it, then those of the whole input."""
    resized, used, padded = _resized(images, preprocess, input_size)
    return pad_input(normalise(resized, preprocess), padded), used, padded


def _resized(
    images: Sequence[RgbImage], preprocess: Preprocess, input_size: tuple[int, int] | None
) -> tuple[list[RgbImage], tuple[int, int], tuple[int, int]]:
    """The images in the network's input, their height and width there, and those of the whole input."""
    height, width = images[0].shape[:2]
    used, padded = _sizes(height, width, preprocess, input_size)
    return [resize_image(rgb, *used, area=preprocess.area) for rgb in images], used, padded


def _sizes(
    height: int, width: int, preprocess: Preprocess, input_size: tuple[int, int] | None
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Height and width to which an image is resized, and those of the whole input."""
    if input_size is None:
        fitted = fitted_size(height, width, preprocess)
        return fitted, fitted
    if not preprocess.keep_ratio:
        return input_size, input_size
    scale = min(input_size[0] / height, input_size[1] / width)
    return (max(1, round(height * scale)), max(1, round(width * scale))), input_size


def inside(output: tuple[int, ...], used: tuple[int, int], padded: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of an output that belong to the image, not to padding; all arguments are (height, width)."""
    rows, columns = (max(1, round(s * u / p)) for s, u, p in zip(output, used, padded, strict=True))
    return rows, columns


def labels_of(output: NDArray[Any], height: int, width: int) -> Labels:
    """The label map of one image's output.

    Args:
        output: Logits [classes, h, w]; or integer ids [1, h, w] or [h, w], as third-party models return them.
        height: Height of the label map; logits are resized before the argmax, as PaddleSeg does.
        width: Width of the label map.
    """
    if np.issubdtype(output.dtype, np.integer):
        ids = output.reshape(output.shape[-2], output.shape[-1]).astype(np.uint8)
        return np.asarray(cv2.resize(ids, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    return argmax(resize_logits(output, height, width))


def resize_logits(logits: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Logits [classes, h, w] in another size, bilinear between pixel centres (`align_corners=False`)."""
    if logits.shape[1:] == (height, width):
        return logits
    resized = np.empty((len(logits), height, width), np.float32)
    for plane, target in zip(logits, resized, strict=True):
        cv2.resize(np.ascontiguousarray(plane), (width, height), dst=target, interpolation=cv2.INTER_LINEAR)
    return resized


def softmax(logits: NDArray[Any], axis: int = 0) -> NDArray[np.float32]:
    """Probabilities over an axis, as a new float32 array."""
    found = logits - logits.max(axis=axis, keepdims=True)
    np.exp(found, out=found)
    found /= found.sum(axis=axis, keepdims=True)
    return np.asarray(found, np.float32)


def argmax(logits: NDArray[np.float32]) -> Labels:
    """The class of the largest logit; the lowest id among equal ones.

    A running maximum over the classes, band by band: 4 ms for 19 x 512 x 1024, where `np.argmax` over the first axis
    takes 36 ms.

    Args:
        logits: [classes, H, W], at most 256 classes.

    Returns:
        uint8 [H, W].
    """
    _, height, width = logits.shape
    labels = np.zeros((height, width), np.uint8)
    rises = np.empty((min(_ROWS, height), width), np.bool_)
    for top in range(0, height, _ROWS):
        band = logits[:, top : top + _ROWS]
        chosen = labels[top : top + _ROWS]
        rise = rises[: chosen.shape[0]]
        as_id = rise.view(np.uint8)
        best = band[0].copy()
        for class_id in range(1, len(band)):
            np.greater(band[class_id], best, out=rise)
            # ids increase with the loop: where the logit is larger, the maximum of old and new id is the new id
            np.multiply(as_id, np.uint8(class_id), out=as_id)
            np.maximum(chosen, as_id, out=chosen)
            np.maximum(best, band[class_id], out=best)
    return labels
