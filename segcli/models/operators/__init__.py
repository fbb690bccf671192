"""Operators of Paddle that are slow in training on a CPU, computed in another way: same values, same gradients.

They stand in for Paddle's own only there, see `is_ours`: exported networks, static graphs and devices have Paddle's.
"""

from __future__ import annotations

from typing import Any

import paddle


def is_ours(*tensors: Any) -> bool:
    """Whether operators on these tensors are computed here: on a CPU, step by step, in float32, with gradients."""
    return paddle.in_dynamic_mode() and all(
        tensor.place.is_cpu_place() and tensor.dtype == paddle.float32 and not tensor.stop_gradient
        for tensor in tensors
    )
