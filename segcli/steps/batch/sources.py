"""Reads the rows of a manifest from the user's source: a folder, a list or a table."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from segcli.data.files import sha256_of
from segcli.data.prefetch import map_ahead
from segcli.errors import InputError, MissingPartError, SegcliError
from segcli.steps.batch.manifest import ManifestRow, in_shards
from segcli.steps.batch.storage import images_below, is_remote, read_bytes

TABLE_SUFFIXES = (".csv", ".parquet")
LIST_SUFFIX = ".txt"
_PATHS = ("path", "input_path", "image", "url", "file")
"""Names of the image column in tables."""
_READERS = 8
_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Source:
    """The user's source, with a digest to detect changes.

    Attributes:
        path: Absolute path or URL.
        digest: SHA-256 of a table or list; empty for a folder, which is listed only once.
    """

    path: str
    digest: str

    @staticmethod
    def of(given: str) -> Source:
        """Identifies a source.

        Raises:
            InputError: There is no such file or folder, or it is of an unknown kind.
        """
        if is_remote(given):
            return Source(given, "")
        path = Path(os.path.abspath(Path(given).expanduser()))  # noqa: PTH100 - links are not resolved
        if path.is_dir():
            return Source(str(path), "")
        if not path.is_file():
            raise InputError("no such file or folder", path=given, hint="check the path").for_missing_path()
        if path.suffix.lower() not in (*TABLE_SUFFIXES, LIST_SUFFIX):
            kinds = ", ".join((*TABLE_SUFFIXES, LIST_SUFFIX))
            raise InputError(
                "is no manifest",
                path=given,
                hint=f"name a folder, or a manifest ({kinds}); `segcli predict` takes single images",
            )
        return Source(str(path), sha256_of(path))


def rows_of(source: Source, shard_size: int, *, digests: bool) -> Iterator[ManifestRow]:
    """Returns the rows of a source, with its own shards or shards of `shard_size` images.

    Args:
        source: A folder, or a table or list of images.
        shard_size: Images per shard.
        digests: Whether to read every image once for its size and digest, where the source lacks them.

    Raises:
        InputError: The source holds no images, or a row of it is damaged.
    """
    rows, sharded = _listed(Path(source.path)) if source.digest else (_found(source.path), False)
    if digests:
        rows = map_ahead(_measured, rows, workers=_READERS)
    return rows if sharded else in_shards(rows, shard_size)


def _found(folder: str) -> Iterator[ManifestRow]:
    for one in images_below(folder):
        yield ManifestRow(one.path, one.size, "", 0)


def _measured(row: ManifestRow) -> ManifestRow:
    """The row with size and digest; an unreadable image keeps its row and is reported as failed in the results."""
    if row.digest:
        return row
    try:
        content = read_bytes(row.path)
    except SegcliError:
        return row
    return ManifestRow(row.path, len(content), hashlib.sha256(content).hexdigest(), row.shard)


def _listed(path: Path) -> tuple[Iterator[ManifestRow], bool]:
    """The rows of a table or list, and whether they have shard numbers."""
    if path.suffix.lower() == LIST_SUFFIX:
        return _of_list(path), False
    rows = _of_parquet(path) if path.suffix.lower() == ".parquet" else _of_csv(path)
    first = next(rows, None)
    if first is None:
        raise InputError("holds no image", path=path)
    column = next((name for name in _PATHS if name in first), None)
    if column is None:
        raise InputError(f"has no column {' or '.join(_PATHS[:3])}", path=path, hint="name the column of images `path`")

    def all_rows() -> Iterator[ManifestRow]:
        for number, values in enumerate(_chained(first, rows), start=1):
            yield _row(values, column, number, path)

    return all_rows(), first.get("shard") not in (None, "")


def _row(values: dict[str, Any], column: str, number: int, table: Path) -> ManifestRow:
    try:
        size, shard = values.get("size"), values.get("shard")
        return ManifestRow(
            _absolute(str(values[column]), table.parent),
            int(size) if size not in (None, "") else None,
            str(values.get("digest") or "").removeprefix("sha256:").lower(),
            int(shard) if shard not in (None, "") else 0,
        )
    except (ValueError, TypeError) as fault:
        raise InputError(f"row {number} is damaged: {fault}", path=table) from fault


def _absolute(path: str, folder: Path) -> str:
    return path if is_remote(path) else os.path.abspath(folder / Path(path).expanduser())  # noqa: PTH100


def _of_list(path: Path) -> Iterator[ManifestRow]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        for line in lines:
            name = line.rstrip("\r\n")
            if name.strip():
                yield ManifestRow(_absolute(name, path.parent), None, "", 0)


def _of_csv(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        yield from csv.DictReader(file)


def _of_parquet(path: Path) -> Iterator[dict[str, Any]]:
    if find_spec("pyarrow") is None:
        raise MissingPartError("reading parquet needs pyarrow", path=path, hint="pip install pyarrow, or give a .csv")
    import pyarrow.parquet as pq

    for block in pq.ParquetFile(path).iter_batches(_BLOCK_ROWS):
        yield from block.to_pylist()


def _chained(first: dict[str, Any], rest: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield first
    yield from rest
