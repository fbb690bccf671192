"""What no reader expects: named pipes and devices where a file should be, names and numbers that cannot be."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from segcli.config.load import load_config
from segcli.data.class_files import read_class_names
from segcli.data.files import read_bytes, read_start, sha256_of
from segcli.data.image import image_header, open_mask, read_image
from segcli.data.lists import read_text_file
from segcli.data.sources import open_sources
from segcli.errors import InputError, SegcliError
from segcli.models.task import Task
from segcli.promptable.prompt_parsing import read_prompts
from segcli.steps.convert.command import convert_dataset
from segcli.steps.fix.command import fix_dataset
from segcli.weights.checksums import damage_in
from segcli.weights.files import read_weights
from segcli.weights.safe_pickle import read_paddle_object
from tests.coco_folder import make_coco_folder
from tests.labelme_folder import box, convert_config, write_labelme

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")

READERS: dict[str, Callable[[Path], object]] = {
    "image": read_image,
    "header": image_header,
    "mask": open_mask,
    "list": read_text_file,
    "prompts": read_prompts,
    "weights": read_weights,
    "optimiser": read_paddle_object,
    "configuration": lambda path: load_config(path, []),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_named_pipe_is_refused_at_once(tmp_path: Path, reader: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SegcliError, match="pipe"):
        READERS[reader](tmp_path / "pipe")


@pytest.mark.parametrize("suffix", ["png", "tif", "pdf", "mp4"])
def test_a_named_pipe_among_the_inputs_is_an_item_that_failed(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"a.{suffix}")
    (item,) = open_sources(tmp_path / f"a.{suffix}")
    assert "named pipe" in str(item.fault)


def test_a_device_is_refused() -> None:
    for read in (read_bytes, sha256_of):
        with pytest.raises(OSError, match="is a device"):
            read("/dev/zero")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_a_file_that_states_no_size_is_read_whole() -> None:
    assert b"VmPeak" in read_bytes("/proc/self/status")


def test_what_waits_in_a_named_pipe_is_not_taken_from_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(tmp_path / "pipe", os.O_WRONLY)
    os.write(writing, b"for somebody else")
    with pytest.raises(OSError, match="is a named pipe"):
        read_bytes(tmp_path / "pipe")
    assert os.read(reading, 99) == b"for somebody else"
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_files_of_every_size_are_read_whole(tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(content := os.urandom(size))
    assert read_bytes(tmp_path / "file") == content


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_bytes(tmp_path)


@pytest.mark.parametrize("growth", [1, 5000])
def test_a_file_that_grows_while_it_is_read_is_read_whole(tmp_path: Path, monkeypatch, growth: int) -> None:
    (tmp_path / "file").write_bytes(b"a" * 100)
    read = os.read

    def written_to_before(file: int, size: int) -> bytes:
        monkeypatch.undo()
        with (tmp_path / "file").open("ab") as more:
            more.write(b"b" * growth)
        return read(file, size)

    monkeypatch.setattr(os, "read", written_to_before)
    assert read_bytes(tmp_path / "file") == b"a" * 100 + b"b" * growth


def test_the_start_of_a_file_comes_with_the_size_of_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert read_start(tmp_path / "a", 4) == (b"0123", 10)
    assert read_start(tmp_path / "a", 99) == (b"0123456789", 10)
    with pytest.raises(IsADirectoryError):
        read_start(tmp_path, 4)


def test_labels_in_a_named_pipe_are_a_finding(tmp_path: Path) -> None:
    write_labelme(tmp_path, "a", [box("cat", 4, 4, 20, 20)])
    os.mkfifo(tmp_path / "b.json")
    with pytest.raises(SegcliError, match=r"b\.json.*named pipe"):
        convert_dataset(convert_config(tmp_path, "PP-LiteSeg-T"))


def test_a_home_folder_or_a_disk_is_not_searched_for_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("~", str(tmp_path), "/"):
        with pytest.raises(InputError, match="not searched for images"):
            open_sources(given)


def test_folders_of_programs_are_not_searched_for_images(tmp_path: Path) -> None:
    for name in ("a.png", "deeper/b.png", ".cache/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [file.name for file in open_sources(tmp_path).files] == ["a.png", "b.png"]


def test_an_id_without_a_name_takes_none_that_another_has(tmp_path: Path) -> None:
    (tmp_path / "class_name_to_id.txt").write_text("8: _background_\n1: class_0\n2: class_3\n")
    names, _ = read_class_names(tmp_path)
    assert names is not None
    assert len(set(names.names)) == len(names.names) == 9


def test_a_side_of_400_digits_is_no_size_for_a_repair(tmp_path: Path) -> None:
    folder = make_coco_folder(tmp_path / "data")
    for content in folder.parts.values():
        content["images"][0]["height"] = 10**400
    folder.write()
    with suppress(SegcliError):
        fix_dataset(folder.root, Task.INSTANCE)


def test_names_of_checksums_may_be_longer_than_any_file(tmp_path: Path) -> None:
    (tmp_path / "checksums.json").write_text(json.dumps({"x" * 300: "0" * 64}))
    assert "is not there" in str(damage_in(tmp_path))
