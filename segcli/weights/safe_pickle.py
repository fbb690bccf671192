"""A pickle reader that executes no foreign code: Paddle's ``.pdparams`` and ``.pdopt`` without `pickle.load`.

A pickle is a program that may call any importable function. This reader resolves the few names that weight files need
to its own stand-ins and refuses all others by name, so that opening an untrusted file is as safe as reading text.
"""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from segcli.data.files import require_regular
from segcli.errors import WeightsError, unreadable_weights
from segcli.weights.arrays import (
    Array,
    ArrayBudget,
    ArrayStub,
    DtypeStub,
    bfloat16_to_float32,
    checked_shape,
    frombuffer,
    scalar_from_bytes,
)
from segcli.weights.pickle_budget import MOST_DEPTH, check_pickle

_PARAMETER_NAMES_KEY = "StructuredToParameterName@@"
_SLICES_KEY = "UnpackBigParamInfor@@"


def _encode(text: object, encoding: object = "latin1", *_: object) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "iso-8859-1"):
        raise WeightsError(f"refused _codecs.encode with the encoding {encoding!r}")
    return text.encode("latin1")


def _numpy_globals() -> dict[str, object]:
    table: dict[str, object] = {"numpy.ndarray": ArrayStub, "numpy.dtype": DtypeStub}
    for core in ("numpy.core", "numpy._core"):  # NumPy 2 renamed the module; files with both names exist
        table[f"{core}.multiarray._reconstruct"] = ArrayStub
        table[f"{core}.multiarray.scalar"] = scalar_from_bytes
        table[f"{core}.numeric._frombuffer"] = frombuffer
    return table


COMMON_GLOBALS: dict[str, object] = {
    **_numpy_globals(),
    "collections.OrderedDict": OrderedDict,
    "_codecs.encode": _encode,
    "builtins.tuple": tuple,
    "builtins.set": set,
    "__builtin__.tuple": tuple,
    "__builtin__.set": set,
}


class SafeUnpickler(pickle.Unpickler):
    """Resolves names from one explicit table and nothing else.

    Args:
        stream: Binary stream.
        table: ``module.name`` -> its stand-in.
        persistent: Resolves persistent ids; ``None`` refuses them.
    """

    def __init__(
        self,
        stream: IO[bytes],
        table: Mapping[str, object],
        persistent: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(stream, encoding="latin1")
        self._table = table
        self._persistent = persistent

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of ``module.name``.

        Raises:
            WeightsError: The name is not in the table.
        """
        full_name = f"{module}.{name}"
        stand_in = self._table.get(full_name)
        if stand_in is None:
            raise WeightsError(
                f"refused global {full_name}: a weight file never needs it",
                hint="do not trust this file; if it holds a whole pickled network, ask for its state_dict instead",
            )
        return stand_in

    def persistent_load(self, pid: Any) -> Any:
        """Resolves a persistent id (torch's storages)."""
        if self._persistent is None:
            raise WeightsError("refused a persistent id: Paddle's files have none")
        return self._persistent(pid)


def load_safely(
    stream: IO[bytes],
    table: Mapping[str, object],
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """Reads one pickle from `stream` with the names of `table` only, after `check_pickle`.

    Raises:
        WeightsError: A name is refused, the stream is not an intact pickle, or it needs more than its size allows.
    """
    check_pickle(stream, bytes_in(stream))
    try:
        return SafeUnpickler(stream, table, persistent).load()
    except WeightsError:
        raise
    except EOFError as error:
        raise WeightsError("the file is truncated", hint="fetch it again") from error
    except MemoryError as error:
        raise WeightsError("the file needs more memory than there is; it is damaged or hostile") from error
    except Exception as error:  # a damaged stream can raise nearly anything
        raise WeightsError(f"the file is no intact pickle of weights ({type(error).__name__}: {error})") from error


def bytes_in(stream: IO[bytes]) -> int:
    """Size of a whole file in bytes; keeps the stream's position."""
    place = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(place)
    return size


def read_paddle_object(path: str | Path) -> Any:
    """Reads any Paddle pickle (``.pdparams``, ``.pdopt``, a checkpoint's state) into plain Python and NumPy objects.

    Returns:
        The stored object; tensors are arrays (bfloat16, which Paddle stores as uint16, widened to float32).

    Raises:
        WeightsError: The file is missing or damaged, or names a global that weights do not need.
    """
    source = Path(path)
    try:
        require_regular(source)
        with source.open("rb") as stream:
            return _Resolver(ArrayBudget(bytes_in(stream))).resolved(load_safely(stream, COMMON_GLOBALS))
    except OSError as error:
        raise unreadable_weights(error, source) from error
    except WeightsError as error:
        raise WeightsError(error.message, path=source, hint=error.hint) from error


def read_pdparams(path: str | Path) -> dict[str, Array]:
    """Reads a Paddle ``.pdparams`` file.

    Returns:
        Name -> array in the file's order, Paddle's own bookkeeping entries left out.

    Raises:
        WeightsError: The file is missing or damaged, is refused, or holds no table of tensors.
    """
    loaded = read_paddle_object(path)
    if not isinstance(loaded, dict):
        raise WeightsError(f"holds a {type(loaded).__name__}, not a table of tensors", path=path)
    return tensors_of(loaded, path)


def tensors_of(loaded: Mapping[Any, Any], path: str | Path) -> dict[str, Array]:
    """The arrays of a table, also inside the usual wrappers (``state_dict``, ``model``, ...).

    Raises:
        WeightsError: The table holds no tensors.
    """
    for wrapper in ("state_dict", "model_state_dict", "model_state", "model", "net", "params"):
        inner = loaded.get(wrapper)
        if isinstance(inner, Mapping) and any(isinstance(value, np.ndarray) for value in inner.values()):
            return tensors_of(inner, path)
    tensors = {str(name): np.asarray(value) for name, value in loaded.items() if isinstance(value, np.ndarray)}
    if not tensors:
        raise WeightsError(
            "holds no tensors", path=path, hint="give a file that was written with the network's weights"
        )
    return tensors


class _Resolver:
    """Replaces stand-ins by arrays and removes Paddle's own wrappings, once per shared object.

    Args:
        budget: Counts the arrays.
    """

    def __init__(self, budget: ArrayBudget) -> None:
        self._budget = budget
        self._done: dict[int, Any] = {}
        self._depth = 0

    def resolved(self, value: Any) -> Any:
        """The value that an object of the pickle represents.

        Raises:
            WeightsError: It contains itself, is nested too deep, or its arrays are larger than the file allows.
        """
        if not isinstance(value, ArrayStub | np.ndarray | tuple | list | dict):
            return value
        if id(value) in self._done:
            return self._done[id(value)]
        if self._depth >= MOST_DEPTH:
            raise WeightsError("the pickle holds an object that is nested too deep, or in itself")
        self._depth += 1
        self._done[id(value)] = made = self._made(value)
        self._depth -= 1
        return made

    def _made(self, value: Any) -> Any:
        if isinstance(value, ArrayStub):
            if value.array is None:
                raise WeightsError("the pickle holds an array without data")
            return self._array(value.array)
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, tuple):
            items = tuple(self.resolved(item) for item in value)
            # `paddle.save` writes a tensor inside other objects as (its name, its data).
            is_named = len(items) == 2 and isinstance(items[0], str) and isinstance(items[1], np.ndarray)
            return items[1] if is_named else items
        if isinstance(value, list):
            return [self.resolved(item) for item in value]
        table = {key: self.resolved(item) for key, item in value.items() if key != _PARAMETER_NAMES_KEY}
        return _join_slices(table)

    def _array(self, array: Array) -> Array:
        self._budget.take(array.nbytes)
        return _paddle_array(array)


def _paddle_array(array: Array) -> Array:
    # Paddle has no unsigned 16-bit tensors: uint16 in its files is the bit pattern of bfloat16.
    return bfloat16_to_float32(array) if array.dtype == np.uint16 else array


def _join_slices(table: dict[Any, Any]) -> dict[Any, Any]:
    """Joins tensors of 1 GiB and more, which `paddle.save` splits into slices under pickle protocols 2 and 3."""
    cut = table.pop(_SLICES_KEY, None)
    if not isinstance(cut, dict):
        return table
    for name, info in cut.items():
        try:
            pieces = [np.ravel(table.pop(piece)) for piece in info["slices"]]
            shape = checked_shape(tuple(int(size) for size in info["OriginShape"]))
            table[name] = np.concatenate(pieces).reshape(shape)
        except (KeyError, TypeError, ValueError, OverflowError) as fault:
            raise WeightsError(f"the slices of {name!r} do not make up its tensor", hint="fetch it again") from fault
    return table
