"""RoIAlign of PaddleDetection for training on a CPU: the same features but for rounding, in less time.

For boxes narrower than a pixel of their map the gradient is another, see `RoiAlign`. They are rare on a pyramid, and
frequent on the map of MaskRCNN-ResNet50, of stride 16, where objects are small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor

from segcli.engines.patching import Method
from segcli.models import operators
from segcli.models.host_memory import array_of
from segcli.models.operators.roi_align import PlacedBoxes, RoiAlign


def patch_box_features(original: Method) -> Method:
    """RoIAlign of all levels in training on a CPU, where Paddle's takes a fifth of a step of Cascade-MaskRCNN."""

    @paddle.jit.not_to_static
    def forward(self: Any, feats: Sequence[Tensor], roi: Sequence[Tensor], rois_num: Tensor) -> Tensor:
        maps = feats[self.start_level : self.end_level + 1]
        if not self.aligned or self.sampling_ratio > 0 or not operators.is_ours(*maps):
            plain: Tensor = original(self, feats, roi, rois_num)
            return plain
        boxes = paddle.concat(list(roi))
        counts = array_of(rois_num)
        placed = PlacedBoxes(
            array_of(boxes),
            np.repeat(np.arange(len(counts)), counts),
            _levels(self, boxes, rois_num) if len(feats) > 1 else np.zeros(len(boxes), np.int64),
            self.spatial_scale[self.start_level : self.end_level + 1],
        )
        out: Tensor = RoiAlign.apply(placed, self.resolution, *maps)
        return out

    return forward


def _levels(extractor: Any, boxes: Tensor, counts: Tensor) -> NDArray[np.int64]:
    """The level of each box [R], counted from the first that the extractor uses."""
    # PaddleDetection counts levels from the one of stride 4, the second of Lin et al. 2017
    levels, place, _ = paddle.vision.ops.distribute_fpn_proposals(
        boxes,
        extractor.start_level + 2,
        extractor.end_level + 2,
        extractor.canconical_level,
        extractor.canonical_size,
        rois_num=counts,
    )
    sorted_levels = np.repeat(np.arange(len(levels)), [len(one) for one in levels])
    found: NDArray[np.int64] = sorted_levels[place.numpy().ravel()]
    return found
