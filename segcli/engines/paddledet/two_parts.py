"""R-CNNs in two parts: convolutions that any runtime can run, and proposals and heads, which only Paddle can run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import paddle
from paddle import Tensor

from segcli.engine import Network
from segcli.engines.paddledet.exporting import free_batch
from segcli.engines.paddledet.inference import small_masks
from segcli.inference.exported_model import FEATURE_TENSOR

_PROBE = 64
"""Side in pixels of the image with which the channels of each feature map are determined."""


class RcnnStem(paddle.nn.Layer):
    """Backbone, pyramid and the convolutions of the proposals.

    Args:
        network: A Mask R-CNN, with or without pyramid, or a Cascade R-CNN.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.backbone, self.neck = network.backbone, network.neck
        rpn = network.rpn_head
        self.rpn_feat, self.score, self.delta = rpn.rpn_feat, rpn.rpn_rois_score, rpn.rpn_rois_delta
        self.eval()

    def forward(self, image: Tensor) -> list[Tensor]:
        """Feature maps of all levels, then the proposals' scores of all levels, then the proposals' box deltas."""
        features = self.backbone({"image": image})
        if self.neck is not None:
            features = self.neck(features)
        shared = self.rpn_feat(features)
        return [*features, *[self.score(level) for level in shared], *[self.delta(level) for level in shared]]


class RcnnHeads(paddle.nn.Layer):
    """The part after the stem: proposals, boxes and small masks.

    Args:
        network: The network that the stem belongs to.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.anchors = network.rpn_head.anchor_generator
        self.bbox_head, self.mask_head = network.bbox_head, network.mask_head
        # bound methods, so that the stem's weights are not saved with this part
        self._propose, self._post_process = network.rpn_head._gen_proposal, network.bbox_post_process
        self.eval()

    def forward(self, im_shape: Tensor, scale_factor: Tensor, features: Sequence[Tensor]) -> list[Tensor]:
        """``bbox``, ``bbox_num`` and masks as small as the head makes them."""
        levels = len(features) // 3
        maps, scores, deltas = features[:levels], features[levels : 2 * levels], features[2 * levels :]
        inputs = {"im_shape": im_shape, "scale_factor": scale_factor}
        rois, counts = self._propose(scores, deltas, self.anchors(maps), inputs)
        found, shared = self.bbox_head(maps, rois, counts, inputs)
        if hasattr(self.bbox_head, "get_refined_rois"):
            rois = self.bbox_head.get_refined_rois()
        boxes, counts, _ = self._post_process(found, (rois, counts), im_shape, scale_factor)
        masks = self.mask_head(maps, boxes, counts, inputs, feat_func=shared)
        _, boxes, counts = self._post_process.get_pred(boxes, counts, im_shape, scale_factor)
        return [boxes, counts, masks]


def save_two_parts(network: Network, stem: Path, heads: Path) -> None:
    """Writes the two parts as programs of Paddle, each with its own weights.

    Args:
        network: An R-CNN.
        stem: Path without suffix of the first part.
        heads: Path without suffix of the second part.
    """
    network.eval()
    batch = None if free_batch(network) else 1
    first, second = RcnnStem(network), RcnnHeads(network)
    with paddle.no_grad():
        channels = [int(value.shape[1]) for value in first(paddle.zeros([1, 3, _PROBE, _PROBE]))]
    image = paddle.static.InputSpec([batch, 3, None, None], "float32", "image")
    pair = [paddle.static.InputSpec([batch, 2], "float32", name) for name in ("im_shape", "scale_factor")]
    features = [
        paddle.static.InputSpec([batch, count, None, None], "float32", FEATURE_TENSOR.format(index))
        for index, count in enumerate(channels)
    ]
    with small_masks(network):
        paddle.jit.save(paddle.jit.to_static(first, input_spec=[image], full_graph=True), str(stem))
        paddle.jit.save(paddle.jit.to_static(second, input_spec=[*pair, features], full_graph=True), str(heads))
