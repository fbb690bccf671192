"""Reads torch's ``.pth``, ``.pt``, ``.bin`` and ``.ckpt`` files without torch and without executing their code.

There are two formats: a zip archive with ``data.pkl`` and one file per storage (since torch 1.6), and the legacy one,
five pickles followed by the storages (``torch/serialization.py``). Lightning checkpoints have the zip format with
the weights under ``state_dict``.
"""

from __future__ import annotations

import math
import struct
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from segcli.errors import WeightsError, unreadable_weights
from segcli.weights.arrays import Array, ArrayBudget, ArrayStub, bfloat16_to_float32, checked_shape
from segcli.weights.pickle_budget import MOST_DEPTH
from segcli.weights.safe_pickle import COMMON_GLOBALS, bytes_in, load_safely, tensors_of
from segcli.weights.torch_archive import TorchArchive

LEGACY_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001

# torch name of a type -> NumPy type of its bits
_BITS: dict[str, str] = {
    "Double": "f8", "Float": "f4", "Half": "f2", "BFloat16": "u2",
    "Long": "i8", "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "?",
    "ComplexFloat": "c8", "ComplexDouble": "c16",
}  # fmt: skip
_TYPE_OF_DTYPE = {
    "float64": "Double", "float32": "Float", "float16": "Half", "bfloat16": "BFloat16",
    "int64": "Long", "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool",
    "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip

# Training frameworks pickle their own settings beside the weights. These become empty objects; nothing is imported.
_INERT_ROOTS = ("pytorch_lightning", "lightning", "lightning_fabric", "lightning_utilities", "omegaconf", "argparse",
                "typing", "pathlib", "datetime", "torch.device", "torch.optim", "numpy.random")  # fmt: skip
_INERT_NAMES = frozenset(
    f"builtins.{name}" for name in ("dict", "list", "int", "float", "str", "bool", "bytes", "frozenset", "object")
) | {"collections.defaultdict", "collections.Counter", "collections.deque", "copy_reg._reconstructor"}


class _Sealed:
    """An object whose state no pickle may set."""

    def __setstate__(self, state: object) -> None:
        raise WeightsError("the file sets the state of an object that has none of its own")


class Inert:
    """Stand-in for an object of a training framework; keeps nothing."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, item: object) -> None:
        """Ignores a list's item."""

    def extend(self, items: object) -> None:
        """Ignores a list's items."""


@dataclass(frozen=True)
class StorageType(_Sealed):
    """A torch storage class or dtype, by the name of its element type."""

    element: str


@dataclass
class Storage(_Sealed):
    """A flat run of elements; its bytes may arrive after the tensors that refer to it (legacy format)."""

    element: str
    size: int
    data: Array | None = None


@dataclass
class Tensor(_Sealed):
    """A strided view of a storage, converted to an array once all bytes are read.

    Attributes:
        storage: The storage.
        offset: Index of the first element.
        shape: Sizes.
        strides: Strides in elements.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def to_array(self, budget: ArrayBudget) -> Array:
        """The values; bfloat16 becomes float32.

        Raises:
            WeightsError: The view reaches outside its storage, the storage has no data, or `budget` is spent.
        """
        data = self.storage.data
        if data is None:
            raise WeightsError("a tensor's data is missing from the file", hint="the file is truncated; fetch it again")
        is_valid = len(self.shape) == len(self.strides) and min((self.offset, *self.shape, *self.strides)) >= 0
        last = self.offset + sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=False))
        is_empty = math.prod(self.shape) == 0
        if not is_valid or (not is_empty and last >= data.size):
            raise WeightsError(f"a tensor of shape {self.shape} reaches outside its storage of {data.size} elements")
        if is_empty:
            array = np.zeros(self.shape, data.dtype)
        else:
            budget.take(math.prod(self.shape) * data.itemsize)
            # the stride of a dimension with one element is never used, and may be any number
            steps = tuple(
                step * data.itemsize if size > 1 else 0 for size, step in zip(self.shape, self.strides, strict=True)
            )
            view = np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, steps, writeable=False)
            array = np.ascontiguousarray(view).reshape(self.shape)
        return bfloat16_to_float32(array) if self.storage.element == "BFloat16" else array


def _rebuild_tensor(storage: object, offset: int, shape: object, strides: object, *_: object) -> Tensor:
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise WeightsError("a tensor of the file is malformed")
    return Tensor(storage, int(offset), checked_shape(shape), tuple(map(int, strides)))


def _rebuild_parameter(data: object, *_: object) -> object:
    if not isinstance(data, Tensor):
        raise WeightsError("a parameter of the file is no tensor")
    return data


class _TorchGlobals(dict[str, object]):
    """The names that a torch file may use; those of training frameworks are matched by prefix and become `Inert`."""

    def get(self, key: str, default: Any = None) -> Any:
        found = super().get(key, default)
        if found is None and (key in _INERT_NAMES or key.startswith(tuple(f"{root}." for root in _INERT_ROOTS))):
            return Inert
        return found


def _torch_globals() -> _TorchGlobals:
    table = _TorchGlobals(COMMON_GLOBALS)
    for element in _BITS:
        for module in ("torch", "torch.cuda", "torch.storage"):
            table[f"{module}.{element}Storage"] = StorageType(element)
    for dtype, element in _TYPE_OF_DTYPE.items():
        table[f"torch.{dtype}"] = StorageType(element)
    table["torch.storage.UntypedStorage"] = StorageType("Byte")
    table["torch.Size"] = tuple
    table["torch.device"] = Inert
    table["torch._utils._rebuild_tensor"] = _rebuild_tensor
    table["torch._utils._rebuild_tensor_v2"] = _rebuild_tensor
    table["torch._utils._rebuild_parameter"] = _rebuild_parameter
    table["torch._utils._rebuild_parameter_with_state"] = _rebuild_parameter
    table["torch._tensor._rebuild_from_type_v2"] = _rebuild_from_type
    return table


def _rebuild_from_type(function: Callable[..., Any], _: object, arguments: tuple[Any, ...], *__: object) -> Any:
    if function not in (_rebuild_tensor, _rebuild_parameter):
        raise WeightsError("a tensor of the file is rebuilt in an unknown way")
    return function(*arguments)


@dataclass
class _Storages:
    """Storages by key, filled by `fetch` immediately (zip) or later (legacy)."""

    fetch: Callable[[str, Storage], None] | None = None
    by_key: dict[str, Storage] = field(default_factory=dict)

    def resolve(self, pid: Any) -> Storage:
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage" or not isinstance(pid[1], StorageType):
            raise WeightsError("the file refers to something that is no storage of plain numbers")
        if len(pid) > 5 and pid[5] is not None:
            raise WeightsError(
                "the file uses storage views of torch before 0.4", hint="save it again with a newer torch"
            )
        key, size = str(pid[2]), int(pid[4])
        if key not in self.by_key:
            storage = Storage(pid[1].element, size)
            if self.fetch is not None:
                self.fetch(key, storage)
            self.by_key[key] = storage
        return self.by_key[key]


def read_torch(path: str | Path) -> dict[str, Array]:
    """Reads the tensors of a torch file of either format.

    Returns:
        Name -> array. float16 stays float16; bfloat16 becomes float32, which holds it exactly.

    Raises:
        WeightsError: The file is missing, damaged, of another format, or names a global that weights do not need.
    """
    source = Path(path)
    try:
        loaded = _read_zip(source) if zipfile.is_zipfile(source) else _read_legacy(source)
        if not isinstance(loaded, Mapping):
            raise WeightsError(f"holds a {type(loaded).__name__}, not a table of tensors")
        return tensors_of(_to_arrays(loaded, ArrayBudget(source.stat().st_size)), source)
    except OSError as error:
        raise unreadable_weights(error, source) from error
    except WeightsError as error:
        raise WeightsError(error.message, path=source, hint=error.hint) from error


def _read_zip(source: Path) -> Any:
    with TorchArchive(source) as archive:

        def fetch(key: str, storage: Storage) -> None:
            storage.data = _elements(archive.storage(key), storage, archive.byte_order)

        return load_safely(archive.main_pickle(), _torch_globals(), _Storages(fetch).resolve)


def _read_legacy(source: Path) -> Any:
    storages = _Storages()
    table = _torch_globals()
    with source.open("rb") as stream:
        magic, protocol = load_safely(stream, {}), load_safely(stream, {})
        if magic != LEGACY_MAGIC_NUMBER or protocol != _LEGACY_PROTOCOL:
            raise WeightsError("is not a torch file")
        system = load_safely(stream, {})
        order = "little" if not isinstance(system, dict) or system.get("little_endian", True) else "big"
        loaded = load_safely(stream, table, storages.resolve)
        keys = load_safely(stream, {})
        for key in keys if isinstance(keys, list) else []:
            storage = storages.by_key.get(str(key))
            if storage is None:
                raise WeightsError(f"storage {key} belongs to no tensor")
            _read_legacy_storage(stream, storage, order)
    return loaded


def _read_legacy_storage(stream: IO[bytes], storage: Storage, order: str) -> None:
    header = stream.read(8)
    if len(header) != 8 or struct.unpack("<q" if order == "little" else ">q", header)[0] != storage.size:
        raise WeightsError("a storage's length disagrees with its header", hint="the file is damaged; fetch it again")
    size = storage.size * np.dtype(_BITS[storage.element]).itemsize
    if not 0 <= size <= bytes_in(stream) - stream.tell():
        raise WeightsError("a storage is cut off", hint="the file is truncated; fetch it again")
    storage.data = _elements(stream.read(size), storage, order)


def _elements(data: bytes, storage: Storage, order: str) -> Array:
    dtype = np.dtype(_BITS[storage.element])
    if len(data) != storage.size * dtype.itemsize:
        raise WeightsError(f"a storage has {len(data)} bytes instead of {storage.size * dtype.itemsize}")
    if order == sys.byteorder:
        return np.frombuffer(data, dtype)
    return np.frombuffer(data, dtype.newbyteorder()).astype(dtype)


def _to_arrays(value: Any, budget: ArrayBudget, depth: int = 0) -> Any:
    """Replaces the tensors in nested tables by arrays; only the tables that `tensors_of` looks into matter."""
    if isinstance(value, Tensor):
        return value.to_array(budget)
    if isinstance(value, ArrayStub):
        return value.array
    if isinstance(value, Mapping):
        if depth >= MOST_DEPTH:
            raise WeightsError("the file holds a table that is nested too deep, or in itself")
        return {key: _to_arrays(item, budget, depth + 1) for key, item in value.items()}
    return value
