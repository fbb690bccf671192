"""Checks the weight file of Paddle's programs (`.pdiparams`) before Paddle allocates the sizes that the file states.

A tensor consists of: version (4 bytes, 0), level of detail (8 bytes, 0 in exports), version (4 bytes, 0), length of the
description (4 bytes), description (protobuf; field 1: type, field 2: dimensions), values. Tensors follow each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import IO

from segcli.errors import WeightsError

_HEAD = Struct("<IQIi")
_MOST_DESCRIPTION = 4096
_TYPE, _SIDE = 1, 2
_VALUE_BYTES = {0: 1, 1: 2, 2: 4, 3: 8, 4: 2, 5: 4, 6: 8, 19: 8, 20: 1, 21: 1, 22: 2, 23: 8, 24: 16, 32: 1, 33: 1}
"""Bytes per value by Paddle's number of the type (framework.proto, VarType)."""


def require_whole(path: Path) -> None:
    """Follows the headers of the tensors to the end of the file; no value is read.

    Raises:
        WeightsError: A tensor is cut off, or states more values than the file holds.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        position, number = 0, 0
        try:
            while position < size:
                number += 1
                position = _after_tensor(file, position, size)
        except ValueError as fault:
            hint = "download the model again, or write it again with segcli export"
            raise WeightsError(f"tensor {number} {fault}", path=path, hint=hint) from fault


def _after_tensor(file: IO[bytes], position: int, size: int) -> int:
    file.seek(position)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise ValueError("is cut off")
    version, levels, inner_version, length = map(int, _HEAD.unpack(head))
    if version or levels or inner_version or not 0 < length <= _MOST_DESCRIPTION:
        raise ValueError("is damaged: its header is not that of a tensor")
    values = _bytes_of(file.read(length))
    end = position + _HEAD.size + length + values
    if end > size:
        raise ValueError(f"states {values:,} bytes of values, more than the file holds ({size:,} bytes in all)")
    return end


def _bytes_of(description: bytes) -> int:
    kind, count = None, 1
    for field, value in _fields(description):
        if field == _TYPE:
            kind = value
        elif field == _SIDE:
            count *= value
    if kind not in _VALUE_BYTES:
        raise ValueError(f"is damaged: its values have the unknown type {kind}")
    return count * _VALUE_BYTES[kind]


def _fields(description: bytes) -> Iterator[tuple[int, int]]:
    """Field numbers and values of a protobuf message of integers."""
    position = 0
    while position < len(description):
        key, position = _varint(description, position)
        if key & 7 == 0:
            value, position = _varint(description, position)
            yield key >> 3, value
        elif key & 7 == 2:  # packed dimensions
            length, position = _varint(description, position)
            end = position + length
            while position < min(end, len(description)):
                value, position = _varint(description, position)
                yield key >> 3, value
        else:
            raise ValueError("is damaged: its description cannot be read")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("is damaged: its description is cut off")
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if not byte & 128:
            return value, position
    raise ValueError("is damaged: its description cannot be read")
