"""Everything that predict takes as input, as one stream of images; a bad file is an item, not an end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from glob import has_magic
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segcli.data.array_input import from_array
from segcli.data.copied_file import HEAD_BYTES, CopiedFile, copied, suffix_of
from segcli.data.decoding.image_range import ImageRange
from segcli.data.decoding.pages import PAGED_SUFFIXES, open_large, pages_of
from segcli.data.files import fitting_name, is_file, read_bytes
from segcli.data.image import RgbImage, decode_input, read_input
from segcli.data.mistaken_folders import refuse_everything
from segcli.data.standard_input import STANDARD_INPUT, read_piped
from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.data.url import fetch_image, is_address
from segcli.data.video import VIDEO_SUFFIXES, is_stream, read_frames
from segcli.data.windows import ArrayWindows, Windows
from segcli.errors import InputError
from segcli.text import without_password

Input = str | Path | NDArray[Any] | Sequence[Any]
"""A path, folder, glob, list file, URL or array, or a sequence of these."""

LIST_SUFFIX = ".txt"
_SUFFIXES = IMAGE_SUFFIXES | PAGED_SUFFIXES | VIDEO_SUFFIXES


class Clip(NamedTuple):
    """A video or stream.

    Attributes:
        name: Relative path for its outputs, without suffix.
        rate: Frames per second of those that are read.
    """

    name: Path
    rate: float


@dataclass(frozen=True)
class SourceItem:
    """One image, or why there is none.

    Attributes:
        input_path: The file or URL as it was given; None for an array.
        page_index: Page or frame, from 0; None for a plain image.
        name: Relative path for the outputs, without suffix: folders of the input are mirrored in it, and no two items
            of one input have the same.
        rgb: RGB, or the bands that the model takes [H, W, channels]; None when it cannot be read, or is read in parts.
        fault: Why it cannot be read.
        clip: The video or stream that it is a frame of; None for anything else.
        large: The image part by part, where it is too large to be taken whole.
    """

    input_path: str | None
    page_index: int | None
    name: Path
    rgb: RgbImage | None
    fault: InputError | None = None
    clip: Clip | None = None
    large: Windows | None = None

    @property
    def windows(self) -> Windows | None:
        """The image part by part, whole in memory or not; None when it cannot be read."""
        return self.large if self.rgb is None else ArrayWindows(self.rgb)


@dataclass(frozen=True)
class _Entry:
    """One thing to open: a path, URL, stream, array, or the standard input.

    Attributes:
        name: Name of its outputs, without suffix.
        path: A file.
        url: An http(s) URL.
        stream: A camera or a stream.
        array: An array of the caller.
        content: The image that was fetched from the URL.
        copy: What came from the standard input, or a document or video that was fetched from the URL.
    """

    name: Path
    path: Path | None = None
    url: str | None = None
    stream: str | None = None
    array: NDArray[Any] | None = None
    content: bytes | None = None
    copy: CopiedFile | None = None

    @property
    def file(self) -> Path | None:
        """The file to open: the given one, or the one into which the content was copied."""
        return self.path if self.copy is None else self.copy.path

    @property
    def given(self) -> str | None:
        """The input as it was given, but for a password; None for an array."""
        if self.copy is not None and self.url is None:
            return STANDARD_INPUT
        link = self.url or self.stream
        return without_password(link) if link else (None if self.path is None else str(self.path))

    @property
    def is_clip(self) -> bool:
        """Whether it is a video or a stream."""
        return self.stream is not None or self._suffix in VIDEO_SUFFIXES

    @property
    def is_paged(self) -> bool:
        """Whether it may hold several images."""
        return self._suffix in PAGED_SUFFIXES

    @property
    def _suffix(self) -> str:
        return "" if self.file is None else self.file.suffix.lower()


@dataclass(frozen=True)
class _Reading:
    """How what is found is read."""

    image_range: ImageRange | None = None
    frame_step: int = 1
    is_done: Callable[[Path], bool] = lambda _name: False
    most_px: int | None = None


class Sources:
    """The images of an input, read one by one, when they are taken. Its length counts files, not pages."""

    def __init__(self, entries: Sequence[_Entry], reading: _Reading | None = None) -> None:
        self._entries = tuple(entries)
        self._reading = reading or _Reading()

    def read_by(self, image_range: ImageRange) -> Sources:
        """The same images, whose values of more than 8 bits are read by a range."""
        return Sources(self._entries, replace(self._reading, image_range=image_range))

    def every(self, frame_step: int) -> Sources:
        """The same images, but one of so many frames of videos and streams."""
        return Sources(self._entries, replace(self._reading, frame_step=frame_step))

    def in_parts_above(self, most_px: int) -> Sources:
        """The same images, but those of more pixels part by part: of a TIFF no more than that is ever decoded."""
        return Sources(self._entries, replace(self._reading, most_px=most_px))

    def without(self, is_done: Callable[[Path], bool]) -> Sources:
        """The same images, but not those whose name for the outputs is `is_done`; they are not opened."""
        return Sources(self._entries, replace(self._reading, is_done=is_done))

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def files(self) -> list[Path]:
        """The local files among the inputs."""
        return [entry.path for entry in self._entries if entry.path is not None]

    def __iter__(self) -> Iterator[SourceItem]:
        taken: dict[str, int] = {}
        for entry in self._entries:
            try:
                yield from self._items(entry, taken)
            except InputError as fault:
                yield SourceItem(entry.given, None, entry.name, None, fault)

    def _items(self, entry: _Entry, taken: dict[str, int]) -> Iterator[SourceItem]:
        """The images of one entry, under names that are free."""
        is_done = self._reading.is_done
        if entry.url is not None and not is_done(_candidate(entry.name, taken)[0]):
            entry = _fetched(entry, entry.url)
        if entry.is_paged:
            yield from _pages(entry, self._reading, taken)
            return
        name = _free_name(entry.name, taken)
        if is_done(name):
            return
        if entry.is_clip:
            yield from _frames(entry, name, self._reading.frame_step)
        else:
            yield replace(_open(entry, self._reading), name=name)


def open_sources(given: Input) -> Sources:
    """Finds what an input means; nothing is decoded yet.

    Args:
        given: An image, folder (searched through all levels), glob (``**`` too), list file (``.txt``, one path or
            URL a line), PDF, multi-page TIFF, video, camera (``camera:0``), stream (``rtsp://``), ``http(s)`` URL,
            ``-`` (the standard input: the content of a file, or such a list), array (BGR as OpenCV reads it, uint8
            [H, W, 3], or grey [H, W]; for a model that takes bands [H, W, channels] of any numbers), or a sequence of
            these.

    Raises:
        InputError: The only input is no file, or a folder, list or glob holds no image.
    """
    entries = list(_entries(given))
    if not entries:
        raise InputError("an empty input", hint="give at least one image")
    return Sources(entries)


def _entries(given: Input, *, alone: bool = True) -> Iterator[_Entry]:
    """What is given; one of several inputs may be missing, which is told when its turn comes."""
    if isinstance(given, np.ndarray):
        yield _Entry(Path("array"), array=given)
    elif isinstance(given, Path):
        yield from _local(given, alone=alone)
    elif isinstance(given, str):
        if is_address(given):
            yield _linked(given)
        elif given == STANDARD_INPUT:
            yield from _piped()
        elif is_stream(given):
            yield _Entry(Path("stream"), stream=given)
        else:
            yield from _local(Path(given).expanduser(), alone=alone)
    elif isinstance(given, Sequence):
        for number, item in enumerate(given):
            if isinstance(item, np.ndarray):
                yield _Entry(Path(f"array_{number}"), array=item)
            else:
                yield from _entries(item, alone=len(given) == 1)
    else:
        raise InputError(f"cannot take a {type(given).__name__} as input", hint="give a path, an array, or a list")


def _local(path: Path, *, alone: bool) -> Iterator[_Entry]:
    if os.path.isdir(path):  # noqa: PTH112 - raises for no name
        yield from _folder(path)
    elif is_file(path) and path.suffix.lower() == LIST_SUFFIX:
        yield from _list_file(path)
    elif os.path.exists(path) or not (alone or has_magic(str(path))):  # noqa: PTH110 - likewise
        yield _Entry(Path(path.stem), path=path)
    elif has_magic(str(path)):
        anchor = Path(path.anchor)
        found = sorted(anchor.glob(str(path.relative_to(anchor))))
        files = [match for match in found if is_file(match) and _is_image(match)]
        if not files:
            raise InputError("no image matches this pattern", path=path)
        yield from _mirrored(files, _common_folder(files))
    else:
        raise InputError("no such file or folder", path=path, hint="check the path").for_missing_path()


def _folder(folder: Path) -> Iterator[_Entry]:
    refuse_everything(folder)
    files, closed = [], list[Path]()
    for below, deeper, names in os.walk(folder, onerror=lambda fault: closed.append(Path(fault.filename))):
        deeper[:] = [name for name in deeper if not name.startswith(".")]  # what programs keep, as with files
        files += [path for path in (Path(below, name) for name in names) if is_file(path) and _is_image(path)]
    if not files and not closed:
        raise InputError("no image in this folder or below it", path=folder)
    # a folder that cannot be read is an item that cannot be read
    yield from _mirrored(sorted([*files, *closed]), folder)


def _list_file(path: Path) -> Iterator[_Entry]:
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"the list cannot be read: {fault}", path=path) from fault
    yield from _list(text, path.parent, str(path))


def _list(text: str, folder: Path, origin: str) -> Iterator[_Entry]:
    """One image a line, also a URL; of ``image mask`` lines, as datasets have them, the image."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError("the list is empty", path=origin)
    for are_links, some in groupby(lines, is_address):
        if are_links:
            yield from (_linked(line.split()[0]) for line in some)
        else:
            files = [_listed(line, folder) for line in some]
            yield from _mirrored(files, _common_folder(files))


def _piped() -> Iterator[_Entry]:
    """The standard input: a list of files, or one file."""
    found = read_piped()
    if isinstance(found, str):
        yield from _list(found, Path(), STANDARD_INPUT)
    else:
        yield _Entry(Path("stdin"), copy=found)


def _linked(url: str) -> _Entry:
    return _Entry(Path(Path(url.partition("?")[0]).stem or "image"), url=url)


def _listed(line: str, folder: Path) -> Path:
    candidates = [line, *(line.split(separator, maxsplit=1)[0] for separator in ("\t", " ") if separator in line)]
    for candidate in candidates:
        for path in (folder / candidate, Path(candidate)):
            if is_file(path):
                return path
    return folder / candidates[-1]


def _mirrored(files: Sequence[Path], root: Path) -> Iterator[_Entry]:
    for file in files:
        relative = Path(os.path.relpath(file, root))
        inside = Path(*(part for part in relative.parts if part not in ("..", "/")))
        yield _Entry(inside.with_suffix(""), path=file)


def _common_folder(files: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([file.absolute().parent for file in files]))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


def _free_name(name: Path, taken: dict[str, int]) -> Path:
    """`name`, or ``name_2``, ``name_3``, ... where that is taken (on any file system, so case does not count).

    Args:
        name: The name of a result without its ending; a long one is cut, see `fitting_name`.
        taken: Names that are taken, with the last number that was given to each.
    """
    candidate, key, number = _candidate(name, taken)
    taken[key] = max(number, 1)
    taken.setdefault(str(candidate).casefold(), 1)
    return candidate


def _candidate(name: Path, taken: Mapping[str, int]) -> tuple[Path, str, int]:
    """The name that would be given, which is not taken by that; its key in `taken`, and the number given to it."""
    if name.name:
        name = name.with_name(fitting_name(name.name))
    key = str(name).casefold()
    candidate, number = name, taken.get(key, 0)
    while str(candidate).casefold() in taken:
        number += 1
        candidate = name.with_name(f"{name.name}_{number}")
    return candidate, key, number


def _open(entry: _Entry, reading: _Reading) -> SourceItem:
    if entry.array is not None:
        return _whole(SourceItem(None, None, entry.name, from_array(entry.array, reading.image_range)), reading)
    content = entry.content if entry.copy is None else read_bytes(entry.copy.path)
    if content is not None:
        rgb = decode_input(content, reading.image_range, name=entry.given or "")
        return _whole(SourceItem(entry.given, None, entry.name, rgb), reading)
    assert entry.path is not None
    return _whole(SourceItem(entry.given, None, entry.name, read_input(entry.path, reading.image_range)), reading)


def _fetched(entry: _Entry, url: str) -> _Entry:
    """The entry with the content behind its URL, which may be an image, a document, a TIFF of pages or a video."""
    content = fetch_image(url)
    if not suffix_of(content[:HEAD_BYTES]):
        return replace(entry, content=content)
    return replace(entry, copy=copied("url", content[:HEAD_BYTES], [content[HEAD_BYTES:]]))


def _whole(item: SourceItem, reading: _Reading) -> SourceItem:
    """An image that was decoded whole; a large one is taken part by part from here on."""
    if reading.most_px is None or item.rgb is None or item.rgb.shape[0] * item.rgb.shape[1] <= reading.most_px:
        return item
    return replace(item, rgb=None, large=ArrayWindows(item.rgb))


def _pages(entry: _Entry, reading: _Reading, taken: dict[str, int]) -> Iterator[SourceItem]:
    """The pages that are not done, under names that are free; a page that is done is not rendered."""
    assert entry.file is not None
    large = None if reading.most_px is None else open_large(entry.file, reading.most_px, reading.image_range)
    if large is not None:
        name = _free_name(entry.name, taken)
        if not reading.is_done(name):
            yield SourceItem(entry.given, None, name, None, large=large)
        return
    for index, read in pages_of(entry.file, reading.image_range):
        name = _free_name(entry.name if index is None else _numbered(entry.name, index), taken)
        if not reading.is_done(name):
            yield _whole(SourceItem(entry.given, index, name, read()), reading)


def _frames(entry: _Entry, name: Path, step: int) -> Iterator[SourceItem]:
    for frame in read_frames(entry.stream or str(entry.file), step):
        yield SourceItem(entry.given, frame.index, _numbered(name, frame.index), frame.rgb, clip=Clip(name, frame.rate))


def _numbered(name: Path, index: int) -> Path:
    return name.with_name(f"{name.name}_{index}")
