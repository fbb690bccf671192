"""Linear layers whose bias has its gradient by a product."""

from __future__ import annotations

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddle.autograd import PyLayer

from segcli.models import operators

FEWEST_VALUES = 1 << 16
"""Values of a result from which the gradient of its bias is worth a call of Python."""


class RowLinear(nn.Linear):
    """A linear layer; in training on a CPU the gradient of its bias, a sum over rows, is a product with ones.

    Paddle adds the rows at the speed of single values, up to a third of the time of the layer.
    """

    @staticmethod
    def suits(layer: nn.Linear) -> bool:
        """Whether it has a bias."""
        return layer.bias is not None

    def forward(self, x: Tensor) -> Tensor:
        """[..., C] to [..., C']."""
        if not operators.is_ours(x, self.weight, self.bias):
            plain: Tensor = nn.Linear.forward(self, x)
            return plain
        if x.size // x.shape[-1] * self.weight.shape[1] < FEWEST_VALUES:
            return F.linear(x, self.weight, self.bias)
        out: Tensor = AddRow.apply(F.linear(x, self.weight), self.bias)
        return out


class AddRow(PyLayer):
    """The same row [C] added to each of the rows [..., C]; both have gradients."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor, bias: Tensor) -> Tensor:
        """See the class."""
        return x + bias

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of both."""
        rows = gradient.reshape([-1, gradient.shape[-1]])
        return gradient, paddle.matmul(paddle.ones([1, len(rows)]), rows).squeeze(0)
