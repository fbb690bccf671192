"""The manifest of an exported model is parsed once, and again when it has changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from segcli.weights import manifest
from segcli.weights.guest_home import MANIFEST
from segcli.weights.manifest import read_manifest, write_manifest


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were parsed."""
    files: list[Path] = []
    read = manifest.read_yaml

    def noted(path: Path) -> object:
        files.append(path)
        return read(path)

    monkeypatch.setattr(manifest, "read_yaml", noted)
    manifest._values.cache_clear()
    return files


def age(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour passes."""
    later = time.time_ns() + 3600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)


def test_it_is_parsed_once(tmp_path: Path, parsed: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    write_manifest(tmp_path, {"Global": {"model_name": "A"}})
    age(monkeypatch)
    assert read_manifest(tmp_path) == read_manifest(tmp_path) == {"Global": {"model_name": "A"}}
    assert len(parsed) == 1


def test_it_is_parsed_again_after_a_change(tmp_path: Path, parsed: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_manifest(tmp_path, {"model_name": "A"})
    age(monkeypatch)
    assert read_manifest(tmp_path) == {"model_name": "A"}
    known = path.stat()
    write_manifest(tmp_path, {"model_name": "B"})  # as long as before
    os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns + 1))
    assert read_manifest(tmp_path) == {"model_name": "B"}
    assert len(parsed) == 2


def test_one_that_was_just_written_may_change_within_the_same_tick(tmp_path: Path, parsed: list[Path]) -> None:
    for name in "ABC":
        write_manifest(tmp_path, {"model_name": name})
        assert read_manifest(tmp_path / ".") == {"model_name": name}
    assert len(parsed) == 3
    assert {path.name for path in parsed} == {MANIFEST}
