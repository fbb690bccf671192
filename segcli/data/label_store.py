"""A label map on disk, of an image that is too large for the memory: written and read in parts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from threading import Lock
from types import TracebackType
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.uint8]


class LabelStore:
    """A label map [H, W] of bytes in a temporary file (in TMPDIR), which goes with this object.

    Plain reading and writing: a file in memory would count as memory.

    Args:
        height: Rows.
        width: Columns.
    """

    def __init__(self, height: int, width: int) -> None:
        self.shape = height, width
        self._file: Any = tempfile.TemporaryFile(prefix="segcli-labels-")  # noqa: SIM115 - it lives as long as this
        self._file.truncate(height * width)
        finalize(self, self._file.close)
        self._lock = Lock()

    def __setitem__(self, place: tuple[slice, slice], values: Values) -> None:
        """Writes a part; both slices have a start and a stop."""
        rows, columns = place
        width = self.shape[1]
        with self._lock:
            if columns.start == 0 and columns.stop == width:
                self._file.seek(rows.start * width)
                self._file.write(np.ascontiguousarray(values).data)
                return
            for number, row in enumerate(values, start=rows.start):
                self._file.seek(number * width + columns.start)
                self._file.write(np.ascontiguousarray(row).data)

    def rows(self, top: int, bottom: int) -> Values:
        """Rows of the label map, uint8 [bottom - top, W]."""
        width = self.shape[1]
        with self._lock:
            self._file.seek(top * width)
            data = self._file.read((bottom - top) * width)
        return np.frombuffer(data, np.uint8).reshape(bottom - top, width)

    def strips(self, rows: int) -> Iterator[Values]:
        """All of it from above to below."""
        for top in range(0, self.shape[0], rows):
            yield self.rows(top, min(top + rows, self.shape[0]))

    def close(self) -> None:
        """Frees the file."""
        self._file.close()

    def __enter__(self) -> LabelStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
