"""Decoded images and masks, kept for the next epoch: in memory, or as files that the system maps into it.

A PNG of 2048 x 1024 takes 40 ms to decode; a crop of it is read from a mapped file in one.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segcli.data.budget import memory_bytes
from segcli.data.temporary import TemporaryFolder

Place = Literal["memory", "disk"]
Pixels = NDArray[np.uint8]
_MEMORY_SHARE = 0.4
"""Of the memory that this process may use."""
_DISK_SHARE = 0.5
"""Of the disk that is free at the start."""

log = logging.getLogger("segcli.train")


class DecodedCache:
    """Keeps what was decoded once, until its room is full; what finds none is decoded each time.

    Args:
        place: ``memory`` of this process, or ``disk``, which all loading processes share.
        folder: Where the files go, into a temporary folder that is removed with this object.
        processes: Processes that share the room.
    """

    def __init__(self, place: Place, folder: Path, processes: int = 1) -> None:
        self._arrays: dict[str, Pixels] = {}
        self._files: Path | None = None
        if place == "disk":
            folder.mkdir(parents=True, exist_ok=True)
            made = TemporaryFolder.make(folder, "decoded")
            self._files = made.path
            weakref.finalize(self, _remove, made, os.getpid())
            room = shutil.disk_usage(folder).free * _DISK_SHARE
        else:
            room = memory_bytes() * _MEMORY_SHARE
        self._room = int(room / max(processes, 1))
        log.info(
            "decoded images are kept %s, at most %.1f GB", f"on {place}" if self._files else "in memory", room / 1e9
        )

    def read(self, path: Path, decode: Callable[[Path], Pixels]) -> Pixels:
        """The pixels of a file; they are not to be changed."""
        kept = self._find(path)
        if kept is not None:
            return kept
        pixels = decode(path)
        if pixels.nbytes <= self._room:
            self._room -= pixels.nbytes
            self._keep(path, pixels)
        return pixels

    def _find(self, path: Path) -> Pixels | None:
        if self._files is None:
            return self._arrays.get(str(path))
        file = self._file_of(path, self._files)
        return np.load(file, mmap_mode="r") if file.is_file() else None

    def _keep(self, path: Path, pixels: Pixels) -> None:
        if self._files is None:
            pixels.setflags(write=False)
            self._arrays[str(path)] = pixels
            return
        file = self._file_of(path, self._files)
        # whole or not at all: another process may be reading
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as fresh:
            np.save(fresh, pixels)
        Path(fresh.name).replace(file)

    @staticmethod
    def _file_of(path: Path, files: Path) -> Path:
        return files / f"{hashlib.sha256(str(path).encode()).hexdigest()}.npy"


def _remove(folder: TemporaryFolder, owner: int) -> None:
    """Removes the files, in the process that has made the folder: loading processes are copies of it."""
    if os.getpid() == owner:
        folder.remove()


def open_cache(place: Place | Literal["off"], folder: Path, workers: int) -> DecodedCache | None:
    """The cache that is wanted; None for none.

    Args:
        place: `Train.cache_images`.
        folder: As for `DecodedCache`.
        workers: Loading processes; 0 loads in this one.
    """
    return None if place == "off" else DecodedCache(place, folder, max(workers, 1))
