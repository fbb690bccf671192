"""Listing a dataset: its own files alone, whatever another process does meanwhile."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from segcli.data.lists import read_text_file
from segcli.data.sources import open_sources
from segcli.data.walk import files_below, folders, folders_below, noting_unreadable, unreadable
from segcli.errors import DatasetError
from segcli.findings import Finding
from segcli.steps.check.command import check_dataset
from segcli.steps.convert.command import convert_dataset, read_dataset, transfer_dataset
from tests.coco_folder import make_coco_folder
from tests.files import close_folders
from tests.labelme_folder import box, convert_config, write_labelme
from tests.seg_folder import make_seg_folder
from tests.steps.check.test_command import config as check_config


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


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    close_folders(monkeypatch)


@pytest.mark.usefixtures("closed")
def test_a_folder_that_cannot_be_read_is_noted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path, "a/one.png", "closed/two.png")

    with noting_unreadable():
        assert files_below(tmp_path) == [tmp_path / "a/one.png"]
        files_below(tmp_path)
        assert unreadable(tmp_path) == {str(tmp_path / "closed"): "Permission denied"}

    assert unreadable(tmp_path) == {}
    assert [record.getMessage() for record in caplog.records if "closed" in record.getMessage()] == [
        f"{tmp_path / 'closed'} cannot be read (Permission denied): whatever lies there is left out"
    ]


@pytest.mark.usefixtures("closed")
def test_folders_alone_are_those_with_their_files(tmp_path: Path) -> None:
    make(tmp_path, "b/.git/x", "b/z/1", "b/y/2", "a/3", "__MACOSX/4", "closed/5", "c")
    (tmp_path / "link").symlink_to(tmp_path / "a", target_is_directory=True)
    assert list(folders(tmp_path)) == [tmp_path / name for name in ("", "a", "b", "b/y", "b/z")]
    assert list(folders(tmp_path)) == [folder for folder, _ in folders_below(tmp_path)]
    assert list(folders(tmp_path / "closed")) == list(folders(tmp_path / "none")) == list(folders(tmp_path / "c")) == []


@pytest.mark.usefixtures("closed")
def test_folders_are_looked_at_once_to_tell_which_cannot_be_read(tmp_path: Path) -> None:
    make(tmp_path, "a/one.png", "a/closed/two.png")
    with noting_unreadable():
        assert list(unreadable(tmp_path / "a")) == [str(tmp_path / "a/closed")]
        shutil.rmtree(tmp_path / "a/closed")
        make(tmp_path, "b/closed/three.png")
        assert list(unreadable(tmp_path / "a")) == [str(tmp_path / "a/closed")]
        assert list(unreadable(tmp_path)) == [str(tmp_path / name) for name in ("a/closed", "b/closed")]
        (tmp_path / "a/late/closed").mkdir(parents=True)
        assert len(unreadable(tmp_path / "a/late")) == 2, "the folder above was looked at"


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("root", ["a/.hidden/data", "a/link", "a/../b"])
def test_folder_that_is_not_come_to_from_above_is_looked_at(tmp_path: Path, root: str) -> None:
    make(tmp_path, "a/.hidden/data/closed/1", "b/closed/2")
    (tmp_path / "a/link").symlink_to(tmp_path / "b", target_is_directory=True)
    with noting_unreadable():
        assert unreadable(tmp_path / "a") == {}
        assert list(unreadable(tmp_path / root)) == [str(tmp_path / root / "closed")]


@pytest.mark.usefixtures("closed")
def test_a_folder_that_cannot_be_read_is_a_finding_of_a_check(tmp_path: Path) -> None:
    folder = make_seg_folder(tmp_path / "data")
    (folder.root / "more/closed").mkdir(parents=True)

    found = check_dataset(check_config(folder.root, tmp_path / "out"))

    assert [(one.code, one.path) for one in found.findings] == [("D003", "more/closed")]
    assert not found.valid


@pytest.mark.usefixtures("closed")
def test_labels_in_a_folder_that_cannot_be_read_are_not_converted_without_them(tmp_path: Path) -> None:
    write_labelme(tmp_path, "a", [box("cat", 4, 4, 20, 20)])
    (tmp_path / "closed").mkdir()

    with pytest.raises(DatasetError) as error:
        convert_dataset(convert_config(tmp_path, "PP-LiteSeg-T"))

    assert "D003" in {found.code for found in error.value.findings}


@pytest.mark.usefixtures("closed")
def test_images_in_a_folder_that_cannot_be_read_are_told_among_the_others(tmp_path: Path) -> None:
    image = make_seg_folder(tmp_path / "data").image("a0")
    (tmp_path / "data/images/closed").mkdir()

    items = list(open_sources(image.parent))

    assert [item.name.name for item in items if item.fault is not None] == ["closed"]
    assert sum(item.fault is None for item in items) == len(items) - 1 > 0


FOLDERS = {
    "masks": ("images", "annotations"),
    "coco": ("images", "annotations", "train"),
    "yolo": ("images", "labels"),
    "voc": ("JPEGImages", "SegmentationClass", "ImageSets"),
    "labelme": ("images", "annotations"),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in FOLDERS.items() for name in names])
def test_each_folder_of_each_format_may_be_closed(tmp_path: Path, monkeypatch, kind: str, name: str) -> None:
    root = tmp_path / "data"
    if kind == "masks":
        make_seg_folder(root)
    elif kind == "labelme":
        write_labelme(root, "annotations/a", [box("cat", 4, 4, 20, 20)], image="images/a.png")
    else:
        made = make_coco_folder(tmp_path / "made").root
        transfer_dataset(made, root, kind) if kind != "coco" else shutil.copytree(made, root)
    (root / name).mkdir(exist_ok=True)
    close_folders(monkeypatch, name)

    found: list[Finding] = []
    with noting_unreadable():
        try:
            found += [fault for image in read_dataset(root).images for fault in image.read_objects()]
        except DatasetError as error:
            found += error.findings
        assert str(root / name) in unreadable(root) or str(root) in str(found)
    with suppress(DatasetError):
        assert not check_dataset(check_config(root, tmp_path / "out")).valid


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "names.txt").mkdir()
    with pytest.raises(DatasetError, match=r"names\.txt.*cannot be read") as error:
        read_text_file(tmp_path / "names.txt")
    assert [found.code for found in error.value.findings] == ["D003"]
