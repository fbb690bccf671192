"""Checksums are read from files once, and again when these have changed in any way."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from segcli.weights import digests

pytestmark = pytest.mark.skipif(os.name != "posix", reason="checksums are kept where the time of an inode is known")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "_LEAST_BYTES", 4)
    monkeypatch.setattr(digests, "_SETTLED_SECONDS", 0)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    found: list[Path] = []
    real = digests.sha256_of
    monkeypatch.setattr(digests, "sha256_of", lambda path: found.append(path) or real(path))
    return found


def _in_a_new_process(path: Path) -> str:
    digests._digest.cache_clear()
    return digests.digest_of(path)


def test_a_file_is_read_once(tmp_path: Path, reads: list[Path]) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"12345")
    expected = hashlib.sha256(b"12345").hexdigest()
    assert [_in_a_new_process(file), _in_a_new_process(file), digests.digest_of(file)] == [expected] * 3
    assert reads == [file.resolve()]


def test_another_content_with_the_old_size_and_time_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"12345")
    before = file.stat()
    first = _in_a_new_process(file)
    file.write_bytes(b"54321")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _in_a_new_process(file) == hashlib.sha256(b"54321").hexdigest() != first


def test_a_file_that_has_just_changed_is_not_kept(
    tmp_path: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "_SETTLED_SECONDS", 3600)
    file = tmp_path / "weights"
    file.write_bytes(b"12345")
    _in_a_new_process(file)
    _in_a_new_process(file)
    assert len(reads) == 2


@pytest.mark.parametrize("content", ["", "[]", '{"x": 1}', "no JSON"])
def test_a_damaged_list_is_written_anew(tmp_path: Path, content: str, reads: list[Path]) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"12345")
    kept = tmp_path / "cache" / digests.FILE
    kept.parent.mkdir()
    kept.write_text(content.replace("x", str(file)), encoding="utf-8")
    assert _in_a_new_process(file) == _in_a_new_process(file) == hashlib.sha256(b"12345").hexdigest()
    assert len(reads) == 1
    assert str(file) in json.loads(kept.read_text(encoding="utf-8"))


def test_the_oldest_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_MOST_FILES", 2)
    files = [tmp_path / name for name in "abc"]
    for file in files:
        file.write_bytes(b"12345")
        _in_a_new_process(file)
    kept = json.loads((tmp_path / "cache" / digests.FILE).read_text(encoding="utf-8"))
    assert list(kept) == [str(file) for file in files[1:]]


def test_without_a_cache_it_works_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "file"))
    weights = tmp_path / "weights"
    weights.write_bytes(b"12345")
    assert _in_a_new_process(weights) == hashlib.sha256(b"12345").hexdigest()
