"""Where the results of a batch lie: in its folder, or in a store that fsspec writes (``s3://``, ``gs://``)."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from segcli.errors import InputError
from segcli.steps.batch.storage import store_of

STORE_PAUSE_S = 10.0
"""A listing of a store is a request that is paid for, and takes long where shards are many."""


class Results(Protocol):
    """A place for finished files; names are relative paths with ``/``."""

    @property
    def pause_s(self) -> float:
        """Seconds between two listings of finished shards while workers run."""

    @property
    def place(self) -> str:
        """Path or URL for messages."""

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder; empty where there is no such folder."""

    def exists(self, name: str) -> bool:
        """Whether a file exists."""

    def put(self, finished: Path, name: str) -> None:
        """Moves a local file there; it appears whole."""

    def open(self, name: str) -> BinaryIO:
        """Opens a file for reading."""


@dataclass(frozen=True)
class FolderResults:
    """Results in a local or shared folder."""

    folder: Path
    pause_s = 0.0

    @property
    def place(self) -> str:
        """Path for messages."""
        return str(self.folder)

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder."""
        try:
            return os.listdir(self.folder / folder)  # noqa: PTH208 - avoids creating thousands of paths
        except FileNotFoundError:
            return []

    def exists(self, name: str) -> bool:
        """Whether a file exists."""
        return (self.folder / name).exists()

    def put(self, finished: Path, name: str) -> None:
        """Moves a file of the same file system there, after its content has reached the disk."""
        with finished.open("rb+") as file:
            os.fsync(file.fileno())
        finished.replace(self.folder / name)

    def open(self, name: str) -> BinaryIO:
        """Opens a file for reading."""
        return (self.folder / name).open("rb")


@dataclass(frozen=True)
class StoreResults:
    """Results below a URL."""

    url: str
    pause_s = STORE_PAUSE_S

    @property
    def place(self) -> str:
        """URL for messages."""
        return self.url

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder."""
        store, path = self._at(folder)
        try:
            found = store.ls(path, detail=False)
        except FileNotFoundError:
            return []
        except Exception as fault:  # any: each store has its own exceptions
            raise InputError(f"cannot be listed: {fault}", path=f"{self.url}/{folder}") from fault
        return [name.rpartition("/")[2] for name in found]

    def exists(self, name: str) -> bool:
        """Whether a file exists."""
        store, path = self._at(name)
        return bool(store.exists(path))

    def put(self, finished: Path, name: str) -> None:
        """Uploads a file and deletes the local one; a transaction shows it when it is complete.

        Raises:
            InputError: The store does not take it.
        """
        store, path = self._at(name)
        try:
            store.makedirs(path.rpartition("/")[0], exist_ok=True)
            with store.transaction, finished.open("rb") as source, store.open(path, "wb") as target:
                shutil.copyfileobj(source, target)
        except Exception as fault:  # any: each store has its own exceptions
            raise InputError(f"cannot be written: {fault}", path=f"{self.url}/{name}") from fault
        finished.unlink()

    def open(self, name: str) -> BinaryIO:
        """Opens a file for reading."""
        store, path = self._at(name)
        return cast(BinaryIO, store.open(path, "rb"))

    def _at(self, name: str) -> tuple[Any, str]:
        """The store, which has forgotten earlier listings, and the path of a file in it."""
        store, path = store_of(f"{self.url}/{name}")
        store.invalidate_cache()
        return store, path
