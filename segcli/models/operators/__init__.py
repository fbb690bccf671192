"""Operators of Paddle that are slow in training on a CPU, computed in another way: same values, same gradients (but for
boxes narrower than a pixel, see `roi_align`).

They stand in for Paddle's own only there, see `is_ours`: exported networks, static graphs and devices have Paddle's.
Convolutions by oneDNN stand in for Paddle's in evaluations on a CPU, too.
"""

from __future__ import annotations

from paddle import Tensor

from segcli.models.host_memory import is_on_host, is_traced


def is_ours(*tensors: Tensor) -> bool:
    """Whether operators on these tensors are computed here: on a CPU, step by step, in float32, with gradients."""
    return not is_traced() and all(is_on_host(tensor) and not tensor.stop_gradient for tensor in tensors)
