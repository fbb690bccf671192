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
"""Names of the inputs, in PaddleX's order."""


class ExportedNetwork(paddle.nn.Layer):
    """A network whose inputs and outputs are tensors in a fixed order.

    Args:
        network: Any instance network.
        small: Whether networks with prototypes return these instead of masks of the image's size.
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
    """Merges, in place, the parallel convolutions of training (RepVGG) into one equivalent convolution.

    PaddleDetection's own blocks also branch on a parameter's value: a network traced with that cannot be loaded.

    Returns:
        How many blocks were merged.
    """
    merged = 0
    # a prefix of its own: the network's parameters are numbered from 0 as well
    with paddle.utils.unique_name.guard("merged_"):
        for layer in network.sublayers():
            if hasattr(layer, "convert_to_deploy") and hasattr(layer, "conv1"):
                layer.convert_to_deploy()
                merged += 1
    return merged


def forget_last_run(network: Network) -> None:
    """Drops the tensors that a network keeps from its last image, such as SOLOv2's mask features.

    Paddle treats such a tensor as a buffer: a traced network would hold it as a constant and find that image's
    objects in every other image.
    """
    for name in set(network._buffers) & set(network._non_persistable_buffer_names_set):
        del network._buffers[name]


def free_batch(network: Network) -> bool:
    """Whether a traced network takes several images: only Mask R-CNN; PaddleX feeds the others one at a time."""
    return type(network).__name__ == "MaskRCNN"


def save_program(network: Network, stem: Path, size: tuple[int, int] | None, *, small: bool) -> None:
    """Writes `<stem>.json` and `<stem>.pdiparams`; some layers of the network are replaced in place.

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
