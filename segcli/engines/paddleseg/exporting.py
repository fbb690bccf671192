"""Replaces layers of a network so that it can be exported with a free input size."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor, nn

Network = Any


class RegionMeans(nn.Layer):
    """Adaptive average pooling as two products with matrices that are computed from the input's size.

    Computes the same as `nn.AdaptiveAvgPool2D`, whose ONNX form needs a fixed input size: with a free one paddle2onnx
    aborts the whole process on PP-LiteSeg.

    Args:
        rows: Regions along the height.
        columns: Regions along the width.
    """

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.rows = rows
        self.columns = columns

    def forward(self, x: Tensor) -> Tensor:
        """Means over the regions: [N, C, H, W] to [N, C, rows, columns]."""
        size = paddle.shape(x)
        by_row = paddle.matmul(_shares(self.rows, size[2]), x)
        return paddle.matmul(by_row, _shares(self.columns, size[3]), transpose_y=True)


def _shares(regions: int, length: Tensor) -> Tensor:
    """The weight of each position in each region's mean: [regions, length]. Regions may overlap by one position."""
    total = length.astype("float32")
    region = paddle.arange(regions, dtype="float32").unsqueeze(1)
    start = paddle.floor(region * total / regions)
    end = paddle.ceil((region + 1) * total / regions)
    position = paddle.arange(0, length, 1, dtype="int32").astype("float32").unsqueeze(0)
    inside = paddle.logical_and(position >= start, position < end).astype("float32")
    return inside / (end - start)


def free_adaptive_pools(network: Network) -> int:
    """Replaces, in place, the adaptive poolings with more than one region.

    Returns:
        How many were replaced.
    """
    replaced = 0
    for name, child in list(network.named_children()):
        size = _regions(child)
        if size is None:
            replaced += free_adaptive_pools(child)
        elif size != (1, 1):
            setattr(network, name, RegionMeans(*size))
            replaced += 1
    return replaced


def _regions(layer: Any) -> tuple[int, int] | None:
    if not isinstance(layer, nn.AdaptiveAvgPool2D):
        return None
    size = layer._output_size
    rows, columns = (size, size) if isinstance(size, int) else size
    return int(rows), int(columns)
