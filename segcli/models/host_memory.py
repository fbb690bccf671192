"""Tensors in the CPU's memory, in which NumPy computes without a copy what Paddle's operators do slowly."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor
from paddle.base.dygraph.base import in_sot_simulation_mode

FloatArray = NDArray[np.float32]


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


def tensor_of(array: FloatArray) -> Tensor:
    """A tensor in the array's own memory; of a copy where that has gaps or another order, see `cpu.without_views`."""
    out: Tensor = paddle.from_dlpack(np.asarray(array, order="C"))
    return out


def are_trained(*inputs: Tensor) -> tuple[bool, ...]:
    """Whether each input of an operator has a gradient; Paddle wants None of `backward` for the others."""
    return tuple(not one.stop_gradient for one in inputs)


def without_warnings() -> np.errstate:
    """For computing with infinite and missing values of a diverged network, which its loss reports; a decorator too."""
    return np.errstate(over="ignore", invalid="ignore")
