"""Muon, an optimizer for the convolutions of networks that start from random weights."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

_VELOCITY = "velocity"
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration, as the authors chose them: singular values end between 0.7 and 1.2."""
_LEAST_CHANNELS = 4
_LEAST_KERNEL = 3


class Muon(paddle.optimizer.AdamW):
    """AdamW, but the weights of convolutions are moved by orthogonal matrices.

    The gradient of a layer has few large and many small singular values, so that most filters hardly move. Muon (Jordan
    et al. 2024, https://kellerjordan.github.io/posts/muon/) makes all of them equal in each step. As in the authors'
    training of CIFAR-10 (https://github.com/KellerJordan/cifar10-airbench) weights keep their norm: the
    normalisation that follows such a convolution undoes their scale, and a step turns them by the same angle whatever
    it is.

    Convolutions are those of 3x3 and larger that combine more than three channels, depthwise ones not; all other
    parameters are AdamW's.

    Args:
        learning_rate: Rate or schedule of AdamW's parameters.
        conv_lr_mult: Learning rate of convolutions divided by `learning_rate`. A rate of 0.05 turns the weights by a
            twentieth of their norm.
        momentum: Share of the past gradients in a step of convolutions, after Nesterov.
        iterations: Of the Newton-Schulz method that makes a step orthogonal.
        options: `parameters`, `weight_decay`, `grad_clip` and the others of AdamW. Convolutions do not decay.
    """

    def __init__(
        self,
        learning_rate: Any = 0.003,
        *,
        conv_lr_mult: float = 20.0,
        momentum: float = 0.9,
        iterations: int = 3,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self._conv_lr_mult = conv_lr_mult
        self._momentum = momentum
        self._iterations = iterations

    def _create_accumulators(self, block: Any, parameters: Any) -> None:
        given = self._update_param_group(parameters) if isinstance(parameters, dict) else parameters
        for parameter in given:
            if _is_convolution(parameter) and parameter.name not in self._already_create_accumulator:
                self._add_accumulator(_VELOCITY, self._in_full_precision(parameter))
                self._already_create_accumulator.add(parameter.name)
        super()._create_accumulators(block, [one for one in given if not _is_convolution(one)])

    def _append_optimize_op(self, block: Any, param_and_grad: Any) -> None:
        pair = self._update_param_group(param_and_grad) if isinstance(param_and_grad, dict) else param_and_grad
        if not _is_convolution(pair[0]):
            super()._append_optimize_op(block, pair)
            return
        parameter, gradient = pair
        weight = self._in_full_precision(parameter)
        velocity = self._get_accumulator_master(_VELOCITY, parameter)
        gradient = gradient.astype(weight.dtype)
        paddle.assign(velocity * self._momentum + gradient, velocity)
        step = orthogonal(gradient + velocity * self._momentum, self._iterations)
        rate = self._create_param_lr(pair) * self._conv_lr_mult
        unit = weight.shape[0] ** 0.5
        norm = _norm(weight)
        norm = paddle.where(norm > 0, norm, paddle.full_like(norm, unit))
        moved = weight - step * (rate * norm / unit)
        moved = moved * (norm / _norm(moved))
        paddle.assign(moved, weight)
        if weight is not parameter:
            paddle.assign(moved.astype(parameter.dtype), parameter)

    def _in_full_precision(self, parameter: Tensor) -> Tensor:
        """The parameter itself, or its float32 copy where it is trained in half precision."""
        if self._multi_precision and self._is_dtype_fp16_or_bf16(parameter.dtype):
            master: Tensor = self._create_master_weight(parameter)
            return master
        return parameter


def _is_convolution(parameter: Tensor) -> bool:
    shape = parameter.shape
    return len(shape) == 4 and shape[1] >= _LEAST_CHANNELS and min(shape[2:]) >= _LEAST_KERNEL


def orthogonal(matrix: Tensor, iterations: int) -> Tensor:
    """The nearest matrix whose singular values are all about 1, by Newton and Schulz's method.

    Args:
        matrix: Weights [out, ...], float32, taken as [out, rest].
        iterations: Three suffice for the steps of an optimizer.

    Returns:
        The same shape.
    """
    x = matrix.flatten(1)
    is_high = x.shape[0] > x.shape[1]
    x = x.t() if is_high else x
    x = x / (_norm(x) + 1e-7)
    first, third, fifth = _COEFFICIENTS
    for _ in range(iterations):
        square = paddle.matmul(x, x, transpose_y=True)
        x = first * x + paddle.matmul(third * square + fifth * paddle.matmul(square, square), x)
    return (x.t() if is_high else x).reshape(matrix.shape)


def _norm(values: Tensor) -> Tensor:
    """The root of the sum of all squares, []; `Tensor.norm` takes 20 times as long on a CPU, and is less exact."""
    return values.square().sum().sqrt()
