"""Listing a dataset: its own files alone, whatever another process does meanwhile."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from segcli.data.walk import files_below, folders_below


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_every_file_sorted_and_none_of_what_segcli_keeps(tmp_path: Path) -> None:
    make(tmp_path, "b.JPG", "a/c.png", "a/.segcli/001-convert/new/d.png", ".segcli/lock")
    assert [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)] == ["a/c.png", "b.JPG"]
    assert files_below(tmp_path, (".jpg",)) == [tmp_path / "b.JPG"]


def test_a_folder_that_goes_while_it_is_listed_is_left_out(tmp_path: Path, monkeypatch) -> None:
    make(tmp_path, "a/one.png", "b/two.png", "c/three.png")
    listed = os.scandir

    def scandir(folder):
        if not isinstance(folder, int) and Path(folder).name == "a":
            shutil.rmtree(tmp_path / "b", ignore_errors=True)
        return listed(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [folder.name for folder, _ in folders_below(tmp_path)] == [tmp_path.name, "a", "c"]
