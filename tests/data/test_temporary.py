"""Temporary files of killed processes go, those of living ones and all others stay."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from segcli.data.decoded_cache import DecodedCache
from segcli.data.files import atomic_path, whole_folder, write_text_atomic
from segcli.data.temporary import _remove_abandoned, lasting_path, temporary_folder
from segcli.errors import WeightsError
from tests.death import kill

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and needs locks")


def _half_way(folder):
    with atomic_path(folder / "a.json") as path, whole_folder(folder / "b") as fresh:
        cache = DecodedCache("disk", folder)
        path.write_text("half")
        (fresh / "c").write_text("half")
        os.kill(os.getpid(), 9)
        del cache


def _in_another_process(folder, name="z.txt"):
    """A write by a process that has not looked for what is abandoned there."""
    assert not kill(lambda: (_remove_abandoned.cache_clear(), write_text_atomic(folder / name, "z")), sys.maxsize)


def test_an_error_about_a_file_of_a_temporary_folder_names_the_lasting_one(tmp_path):
    with pytest.raises(WeightsError) as told, whole_folder(tmp_path / "model") as fresh:
        raise WeightsError("is damaged", path=fresh / "a.onnx")
    assert told.value.path == str(tmp_path / "model" / "a.onnx")
    assert [lasting_path(Path(name)) for name in ("", "a/.b", "https://x/y")] == [
        Path(),
        Path("a/.b"),
        Path("https://x/y"),
    ]


def test_what_a_killed_process_left_goes_when_another_writes(tmp_path):
    assert kill(lambda: _half_way(tmp_path), sys.maxsize)
    assert sorted(path.name.partition(".segcli-")[0] for path in tmp_path.iterdir()) == [".a", ".b", ".decoded"]

    _in_another_process(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["z.txt"]


def test_what_a_living_process_writes_stays(tmp_path):
    with atomic_path(tmp_path / "a.json") as path, temporary_folder(tmp_path, "b") as folder:
        cache = DecodedCache("disk", tmp_path)
        _in_another_process(tmp_path)

        assert path.exists() and folder.exists()
        assert len(list(tmp_path.glob(".decoded.*"))) == 1
    del cache
    assert [path.name for path in tmp_path.iterdir()] == ["a.json", "z.txt"]


def test_what_only_looks_alike_stays(tmp_path):
    mine = [".a.abcdefgh.json", ".a.segcli-ABCDEFGH.json", "a.segcli-abcdefgh.json", ".segcli"]
    for name in mine:
        (tmp_path / name).touch()
    (tmp_path / ".l.segcli-abcdefgh").symlink_to(tmp_path / ".segcli")

    _in_another_process(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {*mine, ".l.segcli-abcdefgh", "z.txt"}


def test_one_that_goes_before_it_is_held_is_made_again(tmp_path, monkeypatch):
    from segcli.data import temporary

    hold, names = temporary._hold, []

    def too_late(descriptor, name):
        names.append(name)
        if len(names) == 1:
            Path(name).unlink()
        return hold(descriptor, name)

    monkeypatch.setattr(temporary, "_hold", too_late)
    write_text_atomic(tmp_path / "a.txt", "a")

    assert len(set(names)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_disk_that_fills_while_a_folder_is_written_names_the_folder(tmp_path):
    with (
        pytest.raises(OSError, match="No space left") as fault,
        whole_folder(tmp_path / "new") as fresh,
        atomic_path(fresh / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert fault.value.filename == str(tmp_path / "new")
    assert not list(tmp_path.iterdir())
