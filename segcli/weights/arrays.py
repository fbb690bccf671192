"""Inert stand-ins for the NumPy objects of a pickle.

NumPy's own ``dtype.__setstate__`` and ``ndarray.__setstate__`` trust what they are given, so a hostile stream could
reach memory through them. Here a stream only ever fills the two small classes below; arrays are then made from checked
values with ``np.frombuffer``.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from segcli.errors import WeightsError

Array = npt.NDArray[Any]

_SIMPLE_TYPE = re.compile(r"^[<>|=]?(b1|\?|[iu][1248]|f[248]|c8|c16)$")


class DtypeStub:
    """What ``numpy.dtype(code, align, copy)`` and its state become; only plain numbers are accepted."""

    def __init__(self, code: object = "f4", *_: object) -> None:
        self.code = str(code)
        self.order = "="

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise WeightsError("the pickle describes a data type that is no plain number")
        self.order = state[1]

    def to_dtype(self) -> np.dtype[Any]:
        """The NumPy type of this description.

        Raises:
            WeightsError: It is not a plain boolean, integer, float or complex number.
        """
        if not _SIMPLE_TYPE.match(self.code):
            raise WeightsError(f"the pickle holds an array of type {self.code!r}; only plain numbers are read")
        order = "=" if self.order == "|" else self.order
        return np.dtype(order + self.code.lstrip("<>|="))


class ArrayStub:
    """What ``numpy.core.multiarray._reconstruct`` and the array's state become."""

    def __init__(self, *_: object) -> None:
        self.array: Array | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise WeightsError("the pickle holds an array whose state is malformed")
        _, shape, dtype, is_fortran, data = state
        self.array = array_from_bytes(data, dtype, shape, "F" if is_fortran else "C")


def array_from_bytes(data: object, dtype: object, shape: object, order: object = "C") -> Array:
    """Makes an array of checked parts (read-only where it shares the bytes).

    Args:
        data: The raw bytes.
        dtype: A `DtypeStub`.
        shape: Tuple of sizes.
        order: ``C`` or ``F``.

    Raises:
        WeightsError: The parts do not fit one another.
    """
    if not isinstance(dtype, DtypeStub) or not isinstance(data, bytes | bytearray | memoryview):
        raise WeightsError("the pickle holds an array of objects; only plain numbers are read")
    is_shape = isinstance(shape, tuple) and all(isinstance(size, int) and size >= 0 for size in shape)
    if not is_shape or order not in ("C", "F"):
        raise WeightsError("the pickle holds an array whose shape is malformed")
    assert isinstance(shape, tuple)
    numpy_type = dtype.to_dtype()
    if math.prod(shape) * numpy_type.itemsize != len(data):
        raise WeightsError(f"the pickle holds an array of shape {shape} with {len(data)} bytes of data")
    return np.frombuffer(data, dtype=numpy_type).reshape(shape, order="F" if order == "F" else "C")


def scalar_from_bytes(dtype: object, data: object = b"") -> Any:
    """What ``numpy.core.multiarray.scalar(dtype, bytes)`` becomes: a NumPy scalar."""
    return array_from_bytes(data, dtype, (), "C")[()]


def frombuffer(data: object, dtype: object, shape: object, order: object = "C") -> Array:
    """What ``numpy.core.numeric._frombuffer`` (pickle protocol 5) becomes."""
    return array_from_bytes(data, dtype, shape, order)


def bfloat16_to_float32(bits: Array) -> Array:
    """Widens bfloat16, given as uint16 bit patterns of any shape, to float32 without loss."""
    return (bits.astype(np.uint32) << 16).view(np.float32).reshape(bits.shape)
