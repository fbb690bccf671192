from __future__ import annotations

import gc
import os
import tempfile
import time
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from segcli.data import sources, standard_input
from segcli.data.sources import open_sources
from segcli.errors import InputError


def write_image(path: Path, value: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((6, 8, 3), value, np.uint8))
    return path


@pytest.fixture
def tree(tmp_path):
    for name in ("a/x.png", "a/x.jpg", "b/x.png", "b/deep/y.bmp"):
        write_image(tmp_path / name)
    (tmp_path / "notes.md").write_text("no image")
    (tmp_path / "b" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return tmp_path


def names(given) -> list[str]:
    return [item.name.as_posix() for item in open_sources(given)]


def test_a_folder_is_mirrored_and_no_two_names_are_equal(tree):
    assert names(tree) == ["a/x", "a/x_2", "b/bad", "b/deep/y", "b/x"]


def test_a_bad_file_is_an_item_with_its_fault(tree):
    items = list(open_sources(str(tree)))
    bad = [item for item in items if item.fault is not None]
    assert [Path(item.input_path).name for item in bad] == ["bad.png"]
    assert all(item.rgb is not None and item.rgb.shape == (6, 8, 3) for item in items if item not in bad)


def test_a_glob_and_a_list_of_paths(tree):
    assert names(str(tree / "*" / "x.png")) == ["a/x", "b/x"]
    assert names(str(tree / "**" / "*.bmp")) == ["y"]
    assert names([str(tree / "a/x.png"), tree / "b/x.png"]) == ["x", "x_2"]


def test_one_missing_of_several_is_an_item_with_its_fault(tree):
    items = list(open_sources([str(tree / "gone.png"), tree / "a/x.png"]))
    assert [item.fault is None for item in items] == [False, True]
    assert "gone.png" in str(items[0].fault)


def test_names_that_differ_in_case_alone_are_taken_as_equal(tmp_path):
    assert names([write_image(tmp_path / "1/X.png"), write_image(tmp_path / "2/x.png")]) == ["X", "x_2"]


def test_a_list_file_may_hold_masks_blanks_and_missing_files(tree):
    write_image(tree / "with blank.png")
    lines = ["a/x.png masks/x.png", "with blank.png", "b/x.png\tmasks/x.png", "", "gone.png"]
    (tree / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    items = list(open_sources(tree / "list.txt"))
    assert [item.fault is None for item in items] == [True, True, True, False]
    assert "no such file" in str(items[3].fault)


def test_a_list_file_may_hold_urls(tree, monkeypatch):
    content = (tree / "b/x.png").read_bytes()
    monkeypatch.setattr(sources, "fetch_image", {"https://me:secret@host/z.png?size=2": content}.__getitem__)
    lines = ["a/x.png masks/x.png", "https://me:secret@host/z.png?size=2 masks/z.png", "b/x.png"]
    (tree / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    items = list(open_sources(tree / "list.txt"))
    assert [item.fault for item in items] == [None] * 3
    assert items[1].input_path == "https://host/z.png?size=2"


def test_arrays_are_bgr_as_in_paddlex():
    blue = np.zeros((2, 3, 3), np.uint8)
    blue[..., 0] = 255
    items = list(open_sources([blue, blue[..., 0]]))
    assert items[0].rgb[0, 0].tolist() == [0, 0, 255]
    assert items[1].rgb[0, 0].tolist() == [255, 255, 255]
    assert [item.name.name for item in items] == ["array_0", "array_1"]
    (wrong,) = open_sources(blue.astype(np.float32))
    assert "must be uint8" in str(wrong.fault)


def test_pages_of_a_tiff_come_one_by_one(tmp_path):
    pages = [Image.new("RGB", (5, 4), (value, 0, 0)) for value in (10, 20, 30)]
    pages[0].save(tmp_path / "three.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "one.tif")
    items = list(open_sources(tmp_path))
    assert [(item.name.name, item.page_index) for item in items] == [
        ("one", None),
        ("three_0", 0),
        ("three_1", 1),
        ("three_2", 2),
    ]
    assert items[3].rgb[0, 0].tolist() == [30, 0, 0]


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_adobe_deflate"}, {"big_tiff": True}, {"mode": "I;16"}])
def test_a_page_is_read_without_those_before_it(tmp_path, monkeypatch, options):
    form = {"mode": "RGB", **options}
    pages = [Image.new(form["mode"], (5, 4), int(value)) for value in range(20)]
    pages[0].save(tmp_path / "many.tif", save_all=True, append_images=pages[1:], **options)
    looked_at = []
    load = TiffImagePlugin.ImageFileDirectory_v2.load
    monkeypatch.setattr(
        TiffImagePlugin.ImageFileDirectory_v2, "load", lambda self, file: (looked_at.append(1), load(self, file))
    )

    read = {item.page_index: item.rgb for item in open_sources(tmp_path / "many.tif")}

    assert len(looked_at) <= 3 * len(pages)  # a page's own description, not those of all pages before it
    assert list(read) == list(range(20))
    if form["mode"] == "RGB":
        assert [int(rgb[0, 0, 0]) for rgb in read.values()] == list(range(20))


def test_pages_of_a_pdf(tmp_path):
    pytest.importorskip("pypdfium2")
    pages = [Image.new("RGB", (72, 36), colour) for colour in ("red", "blue")]
    pages[0].save(tmp_path / "doc.pdf", save_all=True, append_images=pages[1:], resolution=72)
    items = list(open_sources(tmp_path / "doc.pdf"))
    assert [item.page_index for item in items] == [0, 1]
    assert items[1].rgb.shape == (72, 144, 3)
    assert items[1].rgb[30, 70].argmax() == 2


def test_frames_of_a_video(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 5, (32, 24))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no video")
    for value in (0, 120, 240):
        writer.write(np.full((24, 32, 3), value, np.uint8))
    writer.release()
    items = list(open_sources(tmp_path / "clip.avi"))
    assert [item.page_index for item in items] == [0, 1, 2]
    assert items[2].rgb.mean() == pytest.approx(240, abs=8)


class Pipe:
    """A standard input with some content."""

    def __init__(self, content: bytes) -> None:
        self.buffer = BytesIO(content)

    def isatty(self) -> bool:
        return False


@pytest.fixture
def piped(monkeypatch):
    """Reads the sources of a content that is piped in."""

    def read(content: bytes):
        monkeypatch.setattr(standard_input.sys, "stdin", Pipe(content))
        return list(open_sources("-"))

    return read


def test_an_image_from_the_standard_input(tree, piped):
    (item,) = piped((tree / "a/x.png").read_bytes())
    assert (item.input_path, item.page_index, item.name) == ("-", None, Path("stdin"))
    assert item.rgb.shape == (6, 8, 3) and (item.rgb == 90).all()
    (bad,) = piped(b"\0\1\2 nothing")
    assert str(bad.fault).startswith("-: is no image that can be decoded")


def test_pages_from_the_standard_input_are_deleted_after_them(tmp_path, piped, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    pages = [Image.fromarray(np.full((6, 8, 3), value, np.uint8)) for value in (10, 20)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    items = piped((tmp_path / "pages.tif").read_bytes())
    assert [(item.input_path, item.page_index, item.name.name) for item in items] == [
        ("-", 0, "stdin_0"),
        ("-", 1, "stdin_1"),
    ]
    gc.collect()
    assert not list((tmp_path / "scratch").iterdir())


def test_a_list_from_the_standard_input(tree, piped, monkeypatch):
    monkeypatch.chdir(tree)
    items = piped("a/x.png\n\nb/deep/y.bmp\nabsent.png\n".encode("utf-8-sig"))
    assert [item.name.as_posix() for item in items] == ["a/x", "b/deep/y", "absent"]
    assert items[2].fault is not None


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"\n\n", "the list is empty")])
def test_an_empty_standard_input(content, message, piped):
    with pytest.raises(InputError, match=message):
        piped(content)


def test_a_terminal_is_no_input(monkeypatch):
    terminal = Pipe(b"")
    terminal.isatty = lambda: True
    monkeypatch.setattr(standard_input.sys, "stdin", terminal)
    with pytest.raises(InputError, match="is a terminal"):
        open_sources("-")


def test_an_address_is_fetched_only_when_given(tree, monkeypatch):
    content = (tree / "a/x.png").read_bytes()
    asked = []
    monkeypatch.setattr(sources, "fetch_image", lambda address: asked.append(address) or content)
    (item,) = open_sources("https://example.org/some/photo.png?size=2")
    assert asked == ["https://example.org/some/photo.png?size=2"]
    assert (item.name.name, item.rgb.shape) == ("photo", (6, 8, 3))


def test_what_an_address_holds_is_told_by_its_content(tree, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    pages = [Image.fromarray(np.full((6, 8, 3), value, np.uint8)) for value in (10, 20)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "page.tif")
    monkeypatch.setattr(sources, "fetch_image", lambda address: (tmp_path / Path(address).name).read_bytes())
    address = "https://example.org"
    found = open_sources([f"{address}/pages.tif", f"{address}/page.tif", f"{address}/page.tif"])
    items = [(item.input_path, item.page_index, item.name.name) for item in found]
    assert items == [
        (f"{address}/pages.tif", 0, "pages_0"),
        (f"{address}/pages.tif", 1, "pages_1"),
        (f"{address}/page.tif", None, "page"),
        (f"{address}/page.tif", None, "page_2"),
    ]
    gc.collect()
    assert not list(scratch.iterdir())
    monkeypatch.setattr(sources, "fetch_image", None)  # nothing is fetched for what is there
    assert not list(open_sources(f"{address}/page.tif").without(lambda name: name.name == "page"))


@pytest.mark.parametrize("given", ["gone.png", "gone/*.png", [], 7])
def test_nothing_to_open_is_an_error(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        open_sources(given)


def test_very_long_names_leave_room_for_endings(tmp_path):
    names = ["x" * 240 + "a", "x" * 240 + "b", "é" * 120]
    for seed, name in enumerate(names):
        cv2.imwrite(str(tmp_path / "image.png"), np.full((8, 8, 3), seed, np.uint8))
        (tmp_path / "image.png").rename(tmp_path / f"{name}.png")

    found = [item.name.name for item in open_sources(str(tmp_path))]

    assert len(set(found)) == 3
    assert all(len(os.fsencode(name)) <= 200 for name in found)
    assert found == [item.name.name for item in open_sources(str(tmp_path))]


def test_an_image_that_is_named_very_often_takes_linear_time():
    taken: dict[str, int] = {}
    begin = time.process_time()

    names = [str(sources._free_name(Path("A" if number % 2 else "a"), taken)) for number in range(50_000)]

    assert len(set(names)) == len({name.casefold() for name in names}) == 50_000
    assert names[:3] == ["a", "A_2", "a_3"]
    assert time.process_time() - begin < 10
