"""The manifest of a batch: every image with its size, digest and shard, read shard by shard.

The rows are in a CSV file, in the order of the shards. A second file of 64-bit numbers holds the offset of each shard:
a shard is read without those before it, and memory does not grow with the number of rows.
"""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from segcli.data.files import atomic_path
from segcli.errors import InputError
from segcli.text import without_password

FILE, INDEX = "manifest.csv", "manifest.index"
COLUMNS = ("path", "size", "digest", "shard")
_TEXT = {"encoding": "utf-8", "errors": "surrogateescape"}


@dataclass(frozen=True)
class ManifestRow:
    """One image.

    Attributes:
        path: Absolute path or URL.
        size: File size in bytes; None where unknown.
        digest: SHA-256 of its bytes, hexadecimal; empty where unknown.
        shard: Number of the shard, from 0.
    """

    path: str
    size: int | None
    digest: str
    shard: int

    @property
    def shown(self) -> str:
        """The path as results and messages have it: without a password."""
        return without_password(self.path)


@dataclass(frozen=True)
class Manifest:
    """An opened manifest.

    Attributes:
        folder: Its folder.
        shards: Number of shards.
        images: Number of rows.
    """

    folder: Path
    shards: int
    images: int

    def rows(self, shard: int) -> list[ManifestRow]:
        """The rows of one shard, in order."""
        offsets = array("Q")
        with (self.folder / INDEX).open("rb") as index:
            index.seek(shard * offsets.itemsize)
            offsets.frombytes(index.read(2 * offsets.itemsize))
        begin, end = offsets
        with (self.folder / FILE).open("rb") as file:
            file.seek(begin)
            text = file.read(end - begin).decode(**_TEXT)
        return [
            ManifestRow(path, int(size) if size else None, digest, int(number))
            for path, size, digest, number in csv.reader(io.StringIO(text, newline=""))
        ]


def write_manifest(folder: Path, rows: Iterable[ManifestRow]) -> Manifest:
    """Writes the rows and the offsets of the shards; shard numbers must start at 0 and increase one by one.

    Raises:
        InputError: There are no rows, or they are not sorted by shard.
    """
    offsets, images = array("Q"), 0
    with atomic_path(folder / FILE) as temporary:
        with temporary.open("wb") as file:
            file.write((",".join(COLUMNS) + "\n").encode())
            for row in rows:
                if row.shard == len(offsets):
                    offsets.append(file.tell())
                elif row.shard != len(offsets) - 1:
                    raise InputError(
                        f"row {images + 1} is of shard {row.shard}, after shard {len(offsets) - 1}",
                        hint="sort the rows by shard, with shards 0, 1, 2, ...; or leave the column out",
                    )
                file.write(_line(row))
                images += 1
            offsets.append(file.tell())
        if not images:
            raise InputError("holds no image")
    with atomic_path(folder / INDEX) as temporary:
        temporary.write_bytes(offsets.tobytes())
    return Manifest(folder, len(offsets) - 1, images)


def in_shards(rows: Iterable[ManifestRow], size: int) -> Iterator[ManifestRow]:
    """Numbers the rows into shards of `size` images each."""
    for number, row in enumerate(rows):
        yield ManifestRow(row.path, row.size, row.digest, number // size)


def _line(row: ManifestRow) -> bytes:
    text = io.StringIO(newline="")
    size = "" if row.size is None else row.size
    csv.writer(text, lineterminator="\n").writerow((row.path, size, row.digest, row.shard))
    return text.getvalue().encode(**_TEXT)
