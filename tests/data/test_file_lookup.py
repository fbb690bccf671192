"""Names of a list are found as the system finds them, in a listed folder too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from segcli.data import file_lookup
from segcli.data.file_lookup import FileLookup

NAMES = ("images/a.png", "images\\a.png", "./images/a.png", "images/../images/b.png", "top.png", "images/link.png")
ABSENT = ("images/c.png", "images", "images/", "images/folder", "no/a.png", "images/a\0.png", "x" * 999)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "images" / "folder").mkdir(parents=True)
    for name in ("images/a.png", "images/b.png", "top.png"):
        (tmp_path / name).touch()
    (tmp_path / "images" / "link.png").symlink_to("a.png")
    (tmp_path / "images" / "broken.png").symlink_to("nowhere.png")
    return tmp_path


@pytest.mark.parametrize("one_by_one", [1, 3, 1000])
def test_names_are_found_alike_in_listed_folders_and_singly(root, monkeypatch, one_by_one):
    monkeypatch.setattr(file_lookup, "_ONE_BY_ONE", one_by_one)
    lookup = FileLookup(root)
    names = (*NAMES, str(root / "images" / "b.png"))
    for name in names:
        assert lookup.find(name) == str(root / name.replace("\\", "/"))
    assert not any(map(lookup.find, (*ABSENT, "images/broken.png", "/top.png")))


def test_a_large_folder_is_listed_once(root, monkeypatch):
    asked = []
    monkeypatch.setattr(file_lookup, "_ONE_BY_ONE", 2)
    monkeypatch.setattr(os.path, "isfile", lambda path: asked.append(path) or Path(path).is_file())
    for number in range(50):
        (root / "images" / f"{number}.png").touch()
    lookup = FileLookup(root)
    assert all(lookup.find(f"images/{number}.png") for number in range(50))
    assert len(asked) == 1
