"""Caches the embeddings of images, so that a second prompt does not run the encoder again."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segcli.data.files import atomic_open

FloatArray = npt.NDArray[np.float32]
DEFAULT_MEMORY_ITEMS = 16
"""Embeddings have 4 MB each for a Segment Anything network; LSeg's are larger, and its predictor keeps one."""


def embedding_key(image: bytes, weights: str, preprocess: str) -> str:
    """The key of an embedding: it changes with the image's bytes, the weights and the preprocessing.

    Args:
        image: The bytes of the file or of the pixels.
        weights: Fingerprint of the weights.
        preprocess: Fingerprint of the preprocessing.
    """
    digest = hashlib.sha256(image)
    for part in (weights, preprocess):
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()


class EmbeddingCache:
    """Embeddings in memory and, where a folder is given, on disk.

    Args:
        folder: Where files are kept; None for memory only.
        memory_items: Number of embeddings kept in memory, the most recently used ones.
        max_disk_bytes: Limit beyond which the least recently used files are removed; None for no limit.
        half: Whether to store float16 on disk: half the size, but a few border pixels of masks may change.
        owner: An object to keep alive as long as the cache, such as a temporary folder that is removed with it.

    Attributes:
        misses: How often an embedding was not in the cache.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        memory_items: int = DEFAULT_MEMORY_ITEMS,
        max_disk_bytes: int | None = None,
        half: bool = False,
        owner: object = None,
    ) -> None:
        self.folder = None if folder is None else Path(folder)
        self.memory_items, self.max_disk_bytes, self.half = memory_items, max_disk_bytes, half
        self.misses = 0
        self._owner = owner
        self._memory: OrderedDict[str, FloatArray] = OrderedDict()

    def get(self, key: str) -> FloatArray | None:
        """The embedding of `key`, float32; None if it is not cached or its file is damaged."""
        found = self._memory.get(key)
        if found is None:
            found = self._read(key)
            if found is None:
                self.misses += 1
            else:
                self._remember(key, found)
        else:
            self._memory.move_to_end(key)
        return found

    def put(self, key: str, embedding: FloatArray) -> None:
        """Caches an embedding; its file is written completely or not at all."""
        self._remember(key, embedding)
        if self.folder is None:
            return
        with atomic_open(self._path(key)) as stream:
            np.save(stream, embedding.astype(np.float16) if self.half else embedding, allow_pickle=False)
        self._trim()

    def _remember(self, key: str, embedding: FloatArray) -> None:
        self._memory[key] = embedding
        self._memory.move_to_end(key)
        while len(self._memory) > self.memory_items:
            self._memory.popitem(last=False)

    def _read(self, key: str) -> FloatArray | None:
        if self.folder is None:
            return None
        try:
            path = self._path(key)
            found = np.load(path, allow_pickle=False).astype(np.float32, copy=False)
            path.touch()  # the time of last use, for `_trim`
        except (OSError, ValueError, EOFError):
            return None
        return np.asarray(found, np.float32)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{key}.npy"

    def _trim(self) -> None:
        if self.folder is None or self.max_disk_bytes is None:
            return
        stats = [(path, path.stat()) for path in self.folder.glob("*.npy")]
        files = sorted(stats, key=lambda entry: entry[1].st_mtime_ns, reverse=True)
        total = 0
        for index, (path, stat) in enumerate(files):
            total += stat.st_size
            if index > 0 and total > self.max_disk_bytes:
                path.unlink(missing_ok=True)
