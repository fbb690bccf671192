"""Networks as functions of arrays, with masks as small as their heads make them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor

from segcli.engine import Network

_MASK_PARTS = ("mask_post_process", "solov2_head")
"""Parts of PaddleDetection's networks that enlarge masks to the size of the image."""
SMALL_NAMES = ("bbox", "bbox_num", "coefficients", "prototypes")
"""Outputs of `predict_prototypes`, in order."""
PIXEL_NAMES = ("inside", "core")
"""Outputs of a network that labels pixels, in order."""
_BOXES = ("bbox", "bbox_num", "mask")
_SOLO = ("bbox_num", "cate_label", "cate_score", "segm")


@contextmanager
def small_masks(network: Network) -> Iterator[None]:
    """Inside the block, R-CNNs and SOLOv2 return their masks as small as their heads make them."""
    parts = [part for name in _MASK_PARTS if (part := getattr(network, name, None)) is not None]
    for part in parts:
        part.keep_small = True
    try:
        yield
    finally:
        for part in parts:
            part.keep_small = False


def whole_names(network: Network) -> tuple[str, ...]:
    """Names of a network's outputs in evaluation mode, in the order that PaddleX expects of an exported network."""
    if hasattr(network, "pixel_maps"):
        return PIXEL_NAMES
    return _SOLO if hasattr(network, "solov2_head") else _BOXES


def small_outputs(network: Network, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """The outputs of `segcli.inference.decode_objects.Outputs`, as tensors; the network must be in evaluation mode."""
    if hasattr(network, "predict_prototypes"):
        found = network.predict_prototypes(inputs)
        return [found[name] for name in SMALL_NAMES]
    with small_masks(network):
        return whole_outputs(network, inputs)


def whole_outputs(network: Network, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """The outputs named by `whole_names`, with masks of the image's size; the network must be in evaluation mode."""
    found = network(inputs)
    return [found[name] for name in whole_names(network)]


class ArrayForward:
    """A network as a function from arrays by name to a list of arrays, without gradients.

    Args:
        network: In evaluation mode.
        small: Whether masks stay as small as the head makes them, or become as large as the image.
    """

    def __init__(self, network: Network, *, small: bool = True) -> None:
        self._network = network
        self._outputs = small_outputs if small else whole_outputs

    def __call__(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The arrays that `segcli.inference.decode_objects.Outputs` describes."""
        with paddle.no_grad():
            outputs = self._outputs(self._network, {name: paddle.to_tensor(value) for name, value in feeds.items()})
        return [np.asarray(tensor.numpy()) for tensor in outputs]
