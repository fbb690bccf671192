from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from segcli.promptable.cache import EmbeddingCache, embedding_key

EMBEDDING = np.random.default_rng(0).standard_normal((1, 4, 8, 8)).astype(np.float32)


def test_key_changes_with_each_part() -> None:
    keys = {embedding_key(p, w, q) for p in (b"a", b"b") for w in ("1", "2") for q in ("x", "y")}

    assert len(keys) == 8
    assert embedding_key(b"a", "1", "x") == embedding_key(b"a", "1", "x")


def test_memory_keeps_the_latest_used() -> None:
    cache = EmbeddingCache(memory_items=2)
    cache.put("a", EMBEDDING)
    cache.put("b", EMBEDDING)
    assert cache.get("a") is not None
    cache.put("c", EMBEDDING)

    assert cache.get("a") is not None
    assert cache.get("b") is None


def test_disk_survives_the_process_exactly(tmp_path: Path) -> None:
    EmbeddingCache(tmp_path / "emb").put("a", EMBEDDING)

    found = EmbeddingCache(tmp_path / "emb").get("a")

    assert found is not None
    np.testing.assert_array_equal(found, EMBEDDING)
    assert [path.name for path in (tmp_path / "emb").iterdir()] == ["a.npy"]


def test_half_precision_on_disk(tmp_path: Path) -> None:
    EmbeddingCache(tmp_path, half=True).put("a", EMBEDDING)

    found = EmbeddingCache(tmp_path).get("a")

    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, EMBEDDING.astype(np.float16).astype(np.float32))


def test_damaged_file_counts_as_none(tmp_path: Path) -> None:
    EmbeddingCache(tmp_path).put("a", EMBEDDING)
    path = tmp_path / "a.npy"
    path.write_bytes(path.read_bytes()[:-40])

    assert EmbeddingCache(tmp_path).get("a") is None


def test_longest_unused_files_are_removed_beyond_the_limit(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, memory_items=0, max_disk_bytes=2 * (EMBEDDING.nbytes + 128))
    for age, name in ((300, "a"), (200, "b")):
        cache.put(name, EMBEDDING)
        stat = (tmp_path / f"{name}.npy").stat()
        os.utime(tmp_path / f"{name}.npy", (stat.st_atime - age, stat.st_mtime - age))
    assert cache.get("a") is not None

    cache.put("c", EMBEDDING)

    assert sorted(path.stem for path in tmp_path.glob("*.npy")) == ["a", "c"]
