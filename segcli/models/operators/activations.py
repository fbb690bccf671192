"""Activations in one pass over the memory."""

from __future__ import annotations

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from segcli.models import operators


@paddle.jit.not_to_static
def swish(x: Tensor, *args: Any, **options: Any) -> Tensor:
    """`paddle.nn.functional.swish`, in training on a CPU by Paddle's other name for it, whose gradient takes half."""
    return F.silu(x) if operators.is_ours(x) else F.swish(x, *args, **options)
