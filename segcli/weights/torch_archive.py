"""The zip archive of a torch file, whose unpacked size is checked before anything is unpacked."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from segcli.errors import WeightsError
from segcli.weights.arrays import FREE_BYTES, TIMES_STORED

_DAMAGED = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error, zlib.error)
"""Errors of the standard library for archives that are damaged, encrypted, or compressed by an unknown method."""
_BYTE_ORDERS = ("little", "big")


class TorchArchive:
    """Opens an archive; torch stores without compression, so that it unpacks to about its own size.

    Args:
        source: The file.

    Raises:
        WeightsError: It is damaged, not a torch file, or unpacks to many times its size.
    """

    def __init__(self, source: Path) -> None:
        with _explained():
            self._zip = zipfile.ZipFile(source)
            sizes = {entry.filename: entry.file_size for entry in self._zip.infolist()}
        unpacked, packed = sum(entry.file_size for entry in self._zip.infolist()), source.stat().st_size
        if unpacked > FREE_BYTES + TIMES_STORED * packed:
            raise WeightsError(
                f"is an archive of {packed:,} bytes that unpacks to {unpacked:,}",
                hint="do not trust this file; torch.save never compresses",
            )
        self._names = set(sizes)
        self._main = next((name for name in sorted(sizes) if name == "data.pkl" or name.endswith("/data.pkl")), None)
        if self._main is None:
            raise WeightsError("is a zip archive without data.pkl: not a torch file")
        self._root = self._main.removesuffix("data.pkl")
        if f"{self._root}constants.pkl" in self._names:
            raise WeightsError("is a TorchScript program, not a weight file", hint="save the network's state_dict")
        self.byte_order = self._byte_order()

    def __enter__(self) -> TorchArchive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def main_pickle(self) -> io.BytesIO:
        """The pickle that names all tensors."""
        assert self._main is not None
        return io.BytesIO(self._read(self._main))

    def storage(self, key: str) -> bytes:
        """The bytes of a storage.

        Raises:
            WeightsError: It is missing or damaged.
        """
        name = f"{self._root}data/{key}"
        if name not in self._names:
            raise WeightsError(f"storage {key} is missing from the archive", hint="fetch it again")
        return self._read(name)

    def _byte_order(self) -> str:
        name = f"{self._root}byteorder"
        order = self._read(name).decode("latin1") if name in self._names else "little"
        if order not in _BYTE_ORDERS:
            raise WeightsError(f"states the byte order {order[:20]!r}, which is neither of {', '.join(_BYTE_ORDERS)}")
        return order

    def _read(self, name: str) -> bytes:
        with _explained():
            return self._zip.read(name)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as fault:
        raise WeightsError(f"is a damaged or encrypted zip archive ({fault})", hint="fetch it again") from fault
