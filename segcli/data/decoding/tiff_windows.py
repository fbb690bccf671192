"""Parts of a large TIFF without decoding the rest: its strips or tiles are decoded one by one.

Each strip or tile is wrapped as a small TIFF of its own, so that the decoders, and the rules for deep values,
transparency and palettes, are those of any other image.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from pathlib import Path
from struct import pack
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from segcli.data.decoding.decoders import decode_rgb
from segcli.data.decoding.headers import read_header
from segcli.data.decoding.image_range import ImageRange
from segcli.data.decoding.used_range import current_range
from segcli.data.image import RgbImage
from segcli.data.windows import Rect
from segcli.errors import InputError

if TYPE_CHECKING:
    import tifffile

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # its messages name no file

_KEPT_BYTES = 192 << 20
"""Decoded strips or tiles that are kept: those of a row of tiles of a network meet the next row."""
_MOST_SEGMENT_PX = 64 << 20
"""A larger strip or tile is no part to be decoded by itself."""
_WIDTH, _HEIGHT, _OFFSETS, _ROWS, _COUNTS = 256, 257, 273, 278, 279
_COPIED = (258, 259, 262, 266, 277, 284, 317, 320, 338, 339, 347, 529, 530, 531, 532)
"""Tags that say how a strip or tile is decoded: depth, compression, colours, predictor, palette, JPEG tables, ..."""
_LONG = 4


class TiffWindows:
    """One page of a TIFF; see `segcli.data.windows.Windows`. Threads may share it.

    Args:
        path: The file.
        image_range: Which values become black and white where they have more than 8 bits.

    Raises:
        InputError: It is damaged, or cannot be read in parts; `why_whole` says so beforehand.
    """

    def __init__(self, path: Path, image_range: ImageRange | None = None) -> None:
        self._path = path
        self._range = image_range or current_range()
        self._lock = Lock()
        self._kept: OrderedDict[int, RgbImage] = OrderedDict()
        try:
            with _open(path) as file:
                self._read_layout(file)
        except _damaged() as fault:
            raise InputError(f"the TIFF is damaged: {fault}", path=path, hint="replace the file") from fault

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self._size

    def read(self, rect: Rect) -> RgbImage:
        """RGB, uint8 [h, w, 3], of a part inside of the image.

        Raises:
            InputError: A strip or tile in it is damaged.
        """
        found = np.empty((rect.height, rect.width, 3), np.uint8)
        rows, columns = self._segment
        across = -(-self._size[1] // columns)
        with self._lock:
            for row in range(rect.top // rows, -(-rect.bottom // rows)):
                for column in range(rect.left // columns, -(-rect.right // columns)):
                    place = Rect(column * columns, row * rows, (column + 1) * columns, (row + 1) * rows)
                    self._copy(row * across + column, place, rect, found)
        return found

    def _copy(self, number: int, place: Rect, rect: Rect, found: RgbImage) -> None:
        pixels = self._decoded(number, place)
        there = Rect(place.left, place.top, place.left + pixels.shape[1], place.top + pixels.shape[0])
        common = there.common(rect)
        if common is not None:
            found[common.within(rect)] = pixels[common.within(there)]

    def _decoded(self, number: int, place: Rect) -> RgbImage:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        rows, columns = self._segment
        # a tile is always whole, the last strip is not
        height = rows if self._is_tiled else min(rows, self._size[0] - place.top)
        pixels = self._decode(number, height, columns)
        self._kept[number] = pixels
        while len(self._kept) > 1 and len(self._kept) * rows * columns * 3 > _KEPT_BYTES:
            self._kept.popitem(last=False)
        return pixels

    def _decode(self, number: int, height: int, width: int) -> RgbImage:
        count = self._counts[number]
        if not count:  # a sparse file has no bytes for empty tiles
            return np.zeros((height, width, 3), np.uint8)
        with self._path.open("rb") as file:
            file.seek(self._offsets[number])
            stored = file.read(count)
        name = f"{self._path} (part {number})"
        if len(stored) < count:
            raise InputError("is cut off before its end", path=name, hint="copy or download the file again")
        data = self._wrapped(stored, height, width)
        header = read_header(data)
        if header is None:
            raise InputError("cannot be decoded", path=name, hint="replace the file")
        pixels = decode_rgb(data, header, self._range, name=name)
        if pixels.shape[:2] != (height, width):
            raise InputError(f"has {pixels.shape[:2]} instead of {(height, width)} px", path=name)
        return pixels

    def _wrapped(self, data: bytes, height: int, width: int) -> bytes:
        """A TIFF of one strip that holds this one."""
        order = self._order
        tags = {code: (kind, count, value) for code, (kind, count, value) in self._tags.items()}
        for code, number in ((_WIDTH, width), (_HEIGHT, height), (_OFFSETS, 8), (_ROWS, height), (_COUNTS, len(data))):
            tags[code] = (_LONG, 1, pack(order + "I", number))
        entries, extra = b"", b""
        directory = 8 + len(data) + len(data) % 2
        after = directory + 2 + 12 * len(tags) + 4
        for code, (kind, count, value) in sorted(tags.items()):
            if len(value) > 4:
                place = pack(order + "I", after + len(extra))
                extra += value + b"\0" * (len(value) % 2)
            else:
                place = value.ljust(4, b"\0")
            entries += pack(order + "HHI", code, kind, count) + place
        head = (b"II*\0" if order == "<" else b"MM\0*") + pack(order + "I", directory)
        body = data + b"\0" * (len(data) % 2)
        return head + body + pack(order + "H", len(tags)) + entries + pack(order + "I", 0) + extra

    def _read_layout(self, file: tifffile.TiffFile) -> None:
        page = file.pages.first
        self._order = file.byteorder
        self._is_tiled = bool(page.is_tiled)
        self._size = int(page.imagelength), int(page.imagewidth)
        rows = page.tilelength if self._is_tiled else min(page.rowsperstrip, page.imagelength)
        self._segment = int(rows), int(page.tilewidth if self._is_tiled else page.imagewidth)
        self._offsets, self._counts = page.dataoffsets, page.databytecounts
        self._tags = {}
        for code in _COPIED:
            tag = page.tags.get(code)
            if tag is not None:
                file.filehandle.seek(tag.valueoffset)
                self._tags[code] = (int(tag.dtype), int(tag.count), file.filehandle.read(tag.valuebytecount))
        needed = -(-self._size[0] // self._segment[0]) * -(-self._size[1] // self._segment[1])
        if min(*self._size, *self._segment) < 1 or len(self._offsets) < needed or len(self._counts) < needed:
            raise ValueError("it lacks strips or tiles")


def _open(path: Path) -> tifffile.TiffFile:
    import tifffile  # takes a while, and most runs meet no large TIFF

    return tifffile.TiffFile(path)


def _damaged() -> tuple[type[Exception], ...]:
    import tifffile

    return ValueError, KeyError, IndexError, TypeError, OverflowError, OSError, tifffile.TiffFileError


def why_whole(path: Path, image_range: ImageRange | None = None) -> str | None:
    """Why a TIFF is not read in parts; None where it can be."""
    chosen = image_range or current_range()
    if chosen.kind == "percentile" or chosen.takes_bands:
        return (
            "the network takes its bands" if chosen.takes_bands else "its range of values comes from all of its pixels"
        )
    try:
        with _open(path) as file:
            page = file.pages.first
            orientation = page.tags.get(274)
            if orientation is not None and orientation.value != 1:
                return "it lies on its side"
            if page.planarconfig != 1 and page.samplesperpixel > 1:
                return "its colours are stored one after the other"
            rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
            if rows * (page.tilewidth if page.is_tiled else page.imagewidth) > _MOST_SEGMENT_PX:
                return "it is one large strip"
    except _damaged() as fault:
        return f"it is damaged: {fault}"
    return None
