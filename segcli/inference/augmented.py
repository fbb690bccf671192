"""Test-time augmentation: a network predicts an image several times, mirrored and in several sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.errors import UsageError
from segcli.inference.activation import PLAIN, Activation
from segcli.inference.decode_labels import require_logits, resize_logits, softmax
from segcli.inference.preprocess import Forward, NetworkInput

if TYPE_CHECKING:
    from segcli.config.schema import ViewsConfig


class Augmented:
    """A network that returns the mean of its outputs for several views of the input.

    The mean is taken at the size of the input: of the logits as in PaddleSeg's `aug_inference`, or of the probabilities
    as in mmsegmentation's `SegTTAModel`; then their logarithm is returned, which later steps use like logits.

    Args:
        forward: The network; must not return label maps.
        views: How the input is changed.
        activation: How outputs of the network become probabilities.
    """

    def __init__(self, forward: Forward, views: ViewsConfig, activation: Activation = PLAIN) -> None:
        self._forward, self._views, self._activation = forward, views, activation

    def __call__(self, images: NetworkInput) -> NDArray[np.float32]:
        """Logits [N, classes, H, W] of normalised images [N, 3, H, W].

        Raises:
            WeightsError: The network returns label maps only.
        """
        height, width = images.shape[-2:]
        of_logits = self._views.mean_of == "logits"
        total: NDArray[np.float32] | None = None
        for view, mirrored in self._inputs(images):
            outputs = require_logits(self._forward(view))
            outputs = outputs[..., ::-1] if mirrored else outputs
            wholes = [self._activation.logits(resize_logits(one, height, width)) for one in outputs]
            found = np.stack(wholes if of_logits else [softmax(whole) for whole in wholes])
            total = found if total is None else np.add(total, found, out=total)
        assert total is not None
        total /= np.float32(self._views.count)
        if of_logits:
            return total
        return Activation(values="probabilities").logits(total)

    def _inputs(self, images: NetworkInput) -> Iterator[tuple[NetworkInput, bool]]:
        height, width = images.shape[-2:]
        for scale in self._views.scales:
            size = max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))
            scaled = images
            if size != (width, height):
                planes = images.reshape(-1, height, width)
                resized = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in planes]
                scaled = np.stack(resized).reshape(*images.shape[:2], size[1], size[0])
            yield scaled, False
            if self._views.flip:
                yield np.ascontiguousarray(scaled[..., ::-1]), True


def augmented(
    forward: Forward,
    views: ViewsConfig,
    input_size: tuple[int, int] | None = None,
    activation: Activation = PLAIN,
) -> tuple[Forward, Activation]:
    """The network itself if there is only one view, else the mean over all views; and how its outputs are activated.

    Args:
        forward: The network.
        views: How the input is changed.
        input_size: Height and width that the network's input must have; None if they are free.
        activation: How outputs of the network become probabilities.

    Raises:
        UsageError: Views of other sizes are requested of a network whose input size is fixed.
    """
    if views.scaled and input_size is not None:
        raise fixed_size_error(input_size)
    if views.count == 1:
        return forward, activation
    return Augmented(forward, views, activation), activation.of_logits()


def fixed_size_error(input_size: tuple[int, int]) -> UsageError:
    """The error for views of several sizes that are requested of a network with a fixed input size."""
    height, width = input_size
    return UsageError(
        f"augment.scales needs a network that takes any size, this one takes {width} x {height} pixels only",
        hint="leave augment.scales out (augment.flip works), or export with -o Export.input_shape=[-1,3,-1,-1]",
    )
