"""Images as NumPy writes arrays (.npy): plain numbers alone, never pickled objects."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segcli.data.decoding.image_range import MOST_BANDS
from segcli.errors import InputError

MAGIC = b"\x93NUMPY"
NPY_HINT = "save it by numpy.save as [H, W] or [H, W, bands] of whole or real numbers"
_MOST_HEADER = 10_000
_KINDS = {"u": "uint", "b": "uint", "i": "int", "f": "float"}
_npy: Any = np.lib.format  # it has no types
_READERS = {(1, 0): _npy.read_array_header_1_0, (2, 0): _npy.read_array_header_2_0}


class NpyHeader(NamedTuple):
    """What the file says of its array.

    Attributes:
        size: Width and height in pixels.
        bands: Values a pixel.
        dtype: Their type.
        data_start: Where they begin in the file.
        by_column: Whether they lie in Fortran's order.
        shape: Of the array, [H, W], [H, W, bands] or [bands, H, W].
    """

    size: tuple[int, int]
    bands: int
    dtype: np.dtype[Any]
    data_start: int
    by_column: bool
    shape: tuple[int, ...]

    @property
    def sample_format(self) -> str:
        """``uint``, ``int`` or ``float``."""
        return _KINDS[self.dtype.kind]

    @property
    def bands_first(self) -> bool:
        """Whether the first axis is that of the bands."""
        return len(self.shape) == 3 and self.size != self.shape[1::-1]

    @property
    def data_bytes(self) -> int:
        """Bytes of the values."""
        return self.size[0] * self.size[1] * self.bands * self.dtype.itemsize


def read_npy_header(data: bytes) -> NpyHeader | None:
    """The header; None where the array is no image: objects, texts, complex numbers, other axes than those of images.

    The first axis of three is that of the bands where it has at most 16 places and the last one more, as in rasters of
    ``[bands, H, W]``.
    """
    stream = io.BytesIO(data)
    try:
        shape, by_column, dtype = _READERS[_npy.read_magic(stream)](stream, max_header_size=_MOST_HEADER)
    except (ValueError, KeyError, EOFError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if dtype.hasobject or dtype.kind not in _KINDS or len(shape) not in (2, 3) or min(shape) < 1:
        return None
    first = len(shape) == 3 and shape[0] <= MOST_BANDS < shape[2]
    height, width = shape[1:] if first else shape[:2]
    bands = 1 if len(shape) == 2 else shape[0] if first else shape[2]
    return NpyHeader((width, height), bands, dtype, stream.tell(), by_column, shape)


def is_whole_npy(data: bytes) -> bool:
    """Whether all values are there."""
    header = read_npy_header(data)
    return header is None or len(data) >= header.data_start + header.data_bytes


def decode_npy(data: bytes, name: object) -> NDArray[Any]:
    """The values, [H, W] or [H, W, bands], in the type of the file.

    Raises:
        InputError: It is no array of numbers, or ends before they do.
    """
    header = read_npy_header(data)
    if header is None:
        raise InputError("is no array of numbers with the axes of an image", path=str(name), hint=NPY_HINT)
    try:
        values = np.frombuffer(data, header.dtype, int(np.prod(header.shape)), header.data_start)
    except ValueError as error:
        raise InputError("is cut off before its end", path=str(name), hint="copy the file again") from error
    array = values.reshape(header.shape, order="F" if header.by_column else "C")
    if header.bands_first:
        array = array.transpose(1, 2, 0)
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False))
