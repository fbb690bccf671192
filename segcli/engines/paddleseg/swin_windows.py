"""Swin's blocks for training on a CPU: the same values but for rounding, in less time.

Functions of this module, not of another function: Paddle's tracer, which `Train.dy2st` uses, leaves the graph at those.
"""

from __future__ import annotations

from typing import Any

from paddle import Tensor
from paddleseg.models.backbones.swin_transformer import SwinTransformerBlock, WindowAttention

from segcli.models import operators
from segcli.models.host_memory import array_of
from segcli.models.operators.windows import AttentionInWindows, MovedRows, WindowScores, window_rows

_PLAIN_ATTENTION, _PLAIN_BLOCK = WindowAttention.forward, SwinTransformerBlock.forward


def attention(self: Any, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Heads were copied, and biases and masks added to scores of other shapes, forward and backward."""
    table = self.relative_position_bias_table
    # of fewer bits than x where precision is mixed
    packed = self.qkv(x) if operators.is_ours(x, table) and not self.attn_drop.p else None
    if packed is None or not operators.is_ours(packed):
        plain: Tensor = _PLAIN_ATTENTION(self, x, mask)
        return plain
    index = array_of(self.relative_position_index).ravel()
    masks = None if mask is None else array_of(mask)
    mixed = AttentionInWindows.apply(packed, table, WindowScores(index, masks, self.scale))
    out: Tensor = self.proj_drop(self.proj(mixed))
    return out


def block(self: Any, x: Tensor, mask_matrix: Tensor) -> Tensor:
    """Maps were transposed and padded, rolled and cut into windows one after the other; all of it is one order of rows.

    Padding alone takes 48 times as long with channels first as with channels last.
    """
    if not operators.is_ours(x):
        plain: Tensor = _PLAIN_BLOCK(self, x, mask_matrix)
        return plain
    images, _, channels = x.shape
    rows, inverse = window_rows(self.H, self.W, self.window_size, self.shift_size)
    windows = MovedRows.apply(self.norm1(x), rows, inverse).reshape([-1, self.window_size**2, channels])
    mixed = self.attn(windows, mask=mask_matrix if self.shift_size else None)
    x = x + self.drop_path(MovedRows.apply(mixed.reshape([images, -1, channels]), inverse, rows))
    out: Tensor = x + self.drop_path(self.mlp(self.norm2(x)))
    return out
