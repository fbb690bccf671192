"""Networks as they are traced for export: one image, inputs and outputs in a fixed order."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import paddle
from paddle import Tensor

from segcli.engine import Network
from segcli.engines.paddledet.inference import PIXEL_NAMES, SMALL_NAMES, small_masks, whole_names

INPUTS = ("im_shape", "image", "scale_factor")
"""Names of the inputs, in the order in which PaddleX gives them."""


class ExportedNetwork(paddle.nn.Layer):
    """A network that takes and gives tensors in order.

    Args:
        network: Any instance network.
        small: Whether networks with prototypes give these instead of masks of the size of the image.
    """

    def __init__(self, network: Network, *, small: bool) -> None:
        super().__init__()
        network.eval()
        self.network = network
        self._small = small
        self._prototypes = small and hasattr(network, "predict_prototypes")
        self._names = SMALL_NAMES if self._prototypes else whole_names(network)
        self.eval()

    def forward(self, im_shape: Tensor, image: Tensor, scale_factor: Tensor) -> list[Tensor]:
        """The outputs in the order of `segcli.inference.decode_objects.Outputs`."""
        inputs = {"im_shape": im_shape, "image": image, "scale_factor": scale_factor}
        found: Any = self.network.predict_prototypes(inputs) if self._prototypes else self.network(inputs)
        if self._small:
            # Paddle refuses to write a program with an input that it does not use
            score = self._names[0] if self._prototypes else self._names[-2]
            if score in ("bbox", "cate_score", PIXEL_NAMES[0]):
                found = {**found, score: found[score] + 0.0 * (im_shape.sum() + scale_factor.sum())}
        return [found[name] for name in self._names]


def merge_branches(network: Network) -> int:
    """Turns, in place, parallel convolutions of training (RepVGG) into the one convolution that they add up to.

    The wheel's own blocks also branch on the value of a parameter, at which no traced network can be opened again.

    Returns:
        How many blocks were merged.
    """
    merged = 0
    # the network's own parameters were numbered from 0, too
    with paddle.utils.unique_name.guard("merged_"):
        for layer in network.sublayers():
            if hasattr(layer, "convert_to_deploy") and hasattr(layer, "conv1"):
                layer.convert_to_deploy()
                merged += 1
    return merged


def forget_last_run(network: Network) -> None:
    """Drops what a network keeps of its last image, as SOLOv2 its mask features.

    Paddle takes such a tensor for a buffer: a traced network would have it as a constant, and find the objects of that
    image in every other one.
    """
    for name in set(network._buffers) & set(network._non_persistable_buffer_names_set):
        del network._buffers[name]


def free_batch(network: Network) -> bool:
    """Whether a traced network takes several images: Mask R-CNN does; of the others PaddleX gives one at a time."""
    return type(network).__name__ == "MaskRCNN"


def save_program(network: Network, stem: Path, size: tuple[int, int] | None, *, small: bool) -> None:
    """Writes `<stem>.json` and `<stem>.pdiparams`; the network may have some layers replaced by others.

    Args:
        network: Any instance network.
        stem: Path without suffix.
        size: Height and width of the input; None leaves them free.
        small: Whether masks stay as small as the head makes them, or become as large as the image.
    """
    sides = (None, None) if size is None else size
    batch = None if free_batch(network) else 1
    shapes = ([batch, 2], [batch, 3, *sides], [batch, 2])
    spec = [paddle.static.InputSpec(shape, "float32", name) for shape, name in zip(shapes, INPUTS, strict=True)]
    merge_branches(network)
    forget_last_run(network)
    with small_masks(network) if small else nullcontext():
        traced = paddle.jit.to_static(ExportedNetwork(network, small=small), input_spec=spec, full_graph=True)
        paddle.jit.save(traced, str(stem))
