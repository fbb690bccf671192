"""Builds torch files of both formats by hand, from the description in torch/serialization.py, without torch."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Name:
    """A global that pickles as `module.name` whether or not it exists."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Stored:
    """A tensor that pickles as torch does: bits, their torch storage type, and the strided view of them."""

    def __init__(
        self,
        bits: Array,
        storage: str,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        *,
        offset: int = 0,
        key: str = "",
        is_parameter: bool = False,
    ) -> None:
        self.bits, self.storage, self.shape, self.strides, self.offset = bits, storage, shape, strides, offset
        self.key, self.is_parameter = key, is_parameter


def plain(array: Array, storage: str = "FloatStorage", **kwargs: Any) -> Stored:
    """A contiguous tensor of `array`."""
    contiguous = np.ascontiguousarray(array).reshape(array.shape)
    strides = tuple(step // array.itemsize for step in contiguous.strides)
    return Stored(contiguous.ravel(), storage, array.shape, strides, **kwargs)


class _Writer(pickle._Pickler):  # the Python one, so that globals can be faked
    def __init__(self, stream: Any, legacy: bool) -> None:
        super().__init__(stream, protocol=2)
        self.legacy, self.stored = legacy, {}

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Name):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Stored):
            self._save_stored(obj)
        else:
            super().save(obj, save_persistent_id)

    def _save_stored(self, obj: Stored) -> None:
        key = obj.key or str(len(self.stored))
        self.stored[key] = obj
        pid: tuple[Any, ...] = ("storage", Name("torch", obj.storage), key, "cpu", obj.bits.size)
        call = self._call
        tensor_arguments = [_Persistent((*pid, None) if self.legacy else pid), obj.offset, obj.shape, obj.strides]
        if not obj.is_parameter:
            call("torch._utils", "_rebuild_tensor_v2", [*tensor_arguments, False, OrderedDict()])
            return
        self.write(b"ctorch._utils\n_rebuild_parameter\n(")
        call("torch._utils", "_rebuild_tensor_v2", [*tensor_arguments, False, OrderedDict()])
        self.save(True)
        self.save(OrderedDict())
        self.write(pickle.TUPLE + pickle.REDUCE)

    def _call(self, module: str, name: str, arguments: list[Any]) -> None:
        self.write(f"c{module}\n{name}\n(".encode())
        for argument in arguments:
            if isinstance(argument, _Persistent):
                self.save(argument.pid)
                self.write(pickle.BINPERSID)
            else:
                self.save(argument)
        self.write(pickle.TUPLE + pickle.REDUCE)


class _Persistent:
    def __init__(self, pid: tuple[Any, ...]) -> None:
        self.pid = pid


def write_zip(path: Path, value: Any, byteorder: str = "little") -> Path:
    """The format since torch 1.6; storages are stored uncompressed, as torch does."""
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("archive/data.pkl", "w") as stream:
            writer = _Writer(stream, legacy=False)
            writer.dump(value)
        archive.writestr("archive/byteorder", byteorder)
        for key, stored in writer.stored.items():
            bits = stored.bits if byteorder == "little" else stored.bits.byteswap()
            archive.writestr(f"archive/data/{key}", bits.tobytes())
        archive.writestr("archive/version", "3\n")
    return path


def write_legacy(path: Path, value: Any) -> Path:
    """The format before torch 1.6."""
    with path.open("wb") as stream:
        for part in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}):
            pickle.dump(part, stream, protocol=2)
        writer = _Writer(stream, legacy=True)
        writer.dump(value)
        pickle.dump(sorted(writer.stored), stream, protocol=2)
        for key in sorted(writer.stored):
            bits = writer.stored[key].bits
            stream.write(struct.pack("<q", bits.size) + bits.tobytes())
    return path
