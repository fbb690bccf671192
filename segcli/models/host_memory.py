"""Tensors in the CPU's memory, in which NumPy computes without a copy what Paddle's operators do slowly."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor
from paddle.base.dygraph.base import in_sot_simulation_mode

FloatArray = NDArray[np.float32]

_ALIGNMENT = 64
"""Bytes; Paddle's tensors begin at a multiple of it."""


def is_traced() -> bool:
    """Whether a graph is being made of the network: for an export, or for `Train.dy2st`.

    The latter follows Python's instructions in what Paddle takes for dynamic mode.
    """
    return in_sot_simulation_mode() or not paddle.in_dynamic_mode()


def is_on_host(tensor: Tensor) -> bool:
    """Whether NumPy can compute with the tensor in place: float32 in memory, and not a part of a traced network."""
    return not is_traced() and bool(tensor.place.is_cpu_place() and tensor.dtype == paddle.float32)


def array_of(tensor: Tensor) -> NDArray[Any]:
    """The tensor's own memory, with its type and its order."""
    return np.from_dlpack(tensor.detach())


def empty(shape: Sequence[int]) -> FloatArray:
    """A float32 array with any values in memory as Paddle's own begins.

    Some of Paddle's sums, those of batch normalisation among them, are rounded by where their memory begins, and NumPy
    lets that differ from run to run: a training would not repeat.
    """
    size = prod(shape) * np.dtype(np.float32).itemsize
    room = np.empty(size + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    return room[start : start + size].view(np.float32).reshape(shape)


def tensor_of(array: FloatArray) -> Tensor:
    """A tensor in the memory of an array of `empty`; of a copy where it begins elsewhere, has gaps or another order."""
    if not array.flags.c_contiguous or array.ctypes.data % _ALIGNMENT:
        copy = empty(array.shape)
        copy[...] = array
        array = copy
    out: Tensor = paddle.from_dlpack(array)
    return out


def are_trained(*inputs: Tensor) -> tuple[bool, ...]:
    """Whether each input of an operator has a gradient; Paddle wants None of `backward` for the others."""
    return tuple(not one.stop_gradient for one in inputs)


def without_warnings() -> np.errstate:
    """For computing with infinite and missing values of a diverged network, which its loss reports; a decorator too."""
    return np.errstate(over="ignore", invalid="ignore")
