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

MOST_DIMENSIONS = 32
"""Of an array; networks have at most five."""
FREE_BYTES = 64 << 20
"""What the arrays of a file of any size may take."""
TIMES_STORED = 4
"""How many times the stored bytes the arrays may take beyond that: tied weights, and bfloat16 made wider."""
_MOST_ELEMENTS = 1 << 50

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
    if order not in ("C", "F"):
        raise WeightsError("the pickle holds an array whose order is malformed")
    shape = checked_shape(shape)
    numpy_type = dtype.to_dtype()
    if math.prod(shape) * numpy_type.itemsize != len(data):
        raise WeightsError(f"the pickle holds an array of shape {shape} with {len(data)} bytes of data")
    return np.frombuffer(data, dtype=numpy_type).reshape(shape, order="F" if order == "F" else "C")


def checked_shape(shape: object) -> tuple[int, ...]:
    """A shape that NumPy can have.

    Raises:
        WeightsError: It is no tuple of sizes, has too many dimensions, or is larger than any memory.
    """
    if not isinstance(shape, tuple | list) or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise WeightsError("an array of the file has a malformed shape")
    if len(shape) > MOST_DIMENSIONS:
        raise WeightsError(f"an array of the file has {len(shape)} dimensions; at most {MOST_DIMENSIONS} are read")
    if math.prod(max(size, 1) for size in shape) > _MOST_ELEMENTS:
        raise WeightsError("an array of the file is larger than any memory")
    return tuple(shape)


class ArrayBudget:
    """Bytes that the arrays of one file may take, in proportion to what the file holds.

    Views of one run of bytes cost nothing in the file, and each of them takes memory of its own once it is used.

    Args:
        stored: Bytes of the file.
    """

    def __init__(self, stored: int) -> None:
        self._stored = stored
        self._left = FREE_BYTES + TIMES_STORED * stored

    def take(self, size: int) -> None:
        """Counts an array of so many bytes.

        Raises:
            WeightsError: All arrays together take more than the budget.
        """
        self._left -= size
        if self._left < 0:
            raise WeightsError(
                f"the file of {self._stored:,} bytes describes arrays of more than {TIMES_STORED} times its size",
                hint="do not trust this file; if it is yours, save copies of its tensors, not expanded views",
            )


def scalar_from_bytes(dtype: object, data: object = b"") -> Any:
    """What ``numpy.core.multiarray.scalar(dtype, bytes)`` becomes: a NumPy scalar."""
    return array_from_bytes(data, dtype, (), "C")[()]


def frombuffer(data: object, dtype: object, shape: object, order: object = "C") -> ArrayStub:
    """What ``numpy.core.numeric._frombuffer`` (pickle protocol 5) becomes.

    A stub, for a pickle could go on to set the state of a real array.
    """
    stub = ArrayStub()
    stub.array = array_from_bytes(data, dtype, shape, order)
    return stub


def bfloat16_to_float32(bits: Array) -> Array:
    """Widens bfloat16, given as uint16 bit patterns of any shape, to float32 without loss."""
    return (bits.astype(np.uint32) << 16).view(np.float32).reshape(bits.shape)
