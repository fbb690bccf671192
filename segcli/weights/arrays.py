"""Inert stand-ins for the NumPy objects in a pickle.

NumPy's own ``dtype.__setstate__`` and ``ndarray.__setstate__`` trust their arguments, so a hostile stream could corrupt
memory through them. Here a stream only fills the two small classes below; arrays are then created from checked values
with ``np.frombuffer``.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from segcli.errors import WeightsError

Array = npt.NDArray[Any]

MOST_DIMENSIONS = 32
"""Limit of an array's dimensions; arrays of networks have at most five."""
FREE_BYTES = 64 << 20
"""Bytes that the arrays of a file of any size may use."""
TIMES_STORED = 4
"""Multiple of the file's size that the arrays may use beyond that, for tied weights and widened bfloat16."""
_MOST_ELEMENTS = 1 << 50

_SIMPLE_TYPE = re.compile(r"^[<>|=]?(b1|\?|[iu][1248]|f[248]|c8|c16)$")


class DtypeStub:
    """Stand-in for ``numpy.dtype(code, align, copy)`` and its state; only plain numbers are accepted."""

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
    """Stand-in for ``numpy.core.multiarray._reconstruct`` and the array's state."""

    def __init__(self, *_: object) -> None:
        self.array: Array | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise WeightsError("the pickle holds an array whose state is malformed")
        _, shape, dtype, is_fortran, data = state
        self.array = array_from_bytes(data, dtype, shape, "F" if is_fortran else "C")


def array_from_bytes(data: object, dtype: object, shape: object, order: object = "C") -> Array:
    """Creates an array from its parts after checking them; it shares the bytes, read-only if these are.

    Args:
        data: The raw bytes.
        dtype: A `DtypeStub`.
        shape: Tuple of sizes.
        order: ``C`` or ``F``.

    Raises:
        WeightsError: The parts are malformed or do not fit together.
    """
    if not isinstance(dtype, DtypeStub) or not isinstance(data, bytes | bytearray | memoryview):
        raise WeightsError("the pickle holds an array of objects; only plain numbers are read")
    if order not in ("C", "F"):
        raise WeightsError("the pickle holds an array whose order is malformed")
    shape = checked_shape(shape)
    numpy_type = dtype.to_dtype()
    if math.prod(shape) * numpy_type.itemsize != len(data):
        raise WeightsError(f"the pickle holds an array of shape {shape} with {len(data)} bytes of data")
    return np.frombuffer(data, dtype=numpy_type).reshape(shape, order="F" if order == "F" else "C")


def checked_shape(shape: object) -> tuple[int, ...]:
    """The shape as a tuple, after checking that NumPy can have it.

    Raises:
        WeightsError: It is not a sequence of sizes, has too many dimensions, or is larger than any memory.
    """
    if not isinstance(shape, tuple | list) or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise WeightsError("an array of the file has a malformed shape")
    if len(shape) > MOST_DIMENSIONS:
        raise WeightsError(f"an array of the file has {len(shape)} dimensions; at most {MOST_DIMENSIONS} are read")
    if math.prod(max(size, 1) for size in shape) > _MOST_ELEMENTS:
        raise WeightsError("an array of the file is larger than any memory")
    return tuple(shape)


class ArrayBudget:
    """Limits the bytes that the arrays of one file may use, in proportion to the file's size.

    Many views of the same bytes cost nothing in the file, but each of them becomes an array with its own memory.

    Args:
        stored: Size of the file in bytes.
    """

    def __init__(self, stored: int) -> None:
        self._stored = stored
        self._left = FREE_BYTES + TIMES_STORED * stored

    def take(self, size: int) -> None:
        """Counts an array of `size` bytes.

        Raises:
            WeightsError: All arrays together exceed the budget.
        """
        self._left -= size
        if self._left < 0:
            raise WeightsError(
                f"the file of {self._stored:,} bytes describes arrays of more than {TIMES_STORED} times its size",
                hint="do not trust this file; if it is yours, save copies of its tensors, not expanded views",
            )


def scalar_from_bytes(dtype: object, data: object = b"") -> Any:
    """Stand-in for ``numpy.core.multiarray.scalar(dtype, bytes)``; returns a NumPy scalar."""
    return array_from_bytes(data, dtype, (), "C")[()]


def frombuffer(data: object, dtype: object, shape: object, order: object = "C") -> ArrayStub:
    """Stand-in for ``numpy.core.numeric._frombuffer`` (pickle protocol 5).

    Returns a stub, because a pickle could set the state of a real array afterwards.
    """
    stub = ArrayStub()
    stub.array = array_from_bytes(data, dtype, shape, order)
    return stub


def bfloat16_to_float32(bits: Array) -> Array:
    """Converts bfloat16, given as uint16 bit patterns of any shape, to float32 without loss."""
    return (bits.astype(np.uint32) << 16).view(np.float32).reshape(bits.shape)
