"""Tables that a person writes about images: CSV files with commas, semicolons or tabs."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar

from segcli.data.files import read_bytes
from segcli.errors import UsageError

V = TypeVar("V")

IMAGE_HEADERS = frozenset({"image", "file", "file_name", "filename", "name", "path"})
"""Headings of the column with the names of the images."""


def csv_lines(path: Path, what: str, hint: str) -> list[tuple[int, list[str]]]:
    """The lines of a CSV file that are not empty, with their numbers from 1.

    Args:
        path: The file.
        what: What it is, for the message.
        hint: How to write one, for the message.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the {what} cannot be read: {error}", path=path, hint=hint) from error
    separator = next((sign for sign in ",;\t" if sign in text.partition("\n")[0]), ",")
    rows = enumerate(csv.reader(text.splitlines(), delimiter=separator), start=1)
    lines = [(number, [cell.strip() for cell in row]) for number, row in rows]
    return [(number, cells) for number, cells in lines if any(cells)]


def image_key(name: str) -> str:
    """The name of an image with forward slashes."""
    return name.replace("\\", "/")


class ImageTable(Generic[V]):
    """The rows of a table about images, found by an image's name.

    A row may name its image with more folders or fewer than the dataset does: ``x.jpg`` or ``/data/images/x.jpg`` for
    ``images/x.jpg``. Folders that differ are those of another image.

    Args:
        rows: By the image's name as the table writes it, with forward slashes.
        path: The file, for messages.
    """

    def __init__(self, rows: Mapping[str, V], path: Path) -> None:
        self._rows, self._path = rows, path
        self._by_file: dict[str, list[str]] = {}
        self._image_of: dict[str, str] = {}
        for row in rows:
            self._by_file.setdefault(row.rpartition("/")[2], []).append(row)

    def find(self, name: str) -> V | None:
        """The row of an image, by its name relative to the dataset; None where it has none.

        Raises:
            UsageError: Several rows, or a row for several images, could be meant.
        """
        if name in self._rows:
            return self._rows[name]
        found = [row for row in self._by_file.get(name.rpartition("/")[2], ()) if _end_alike(row, name)]
        if not found:
            return None
        if len(found) > 1:
            raise self._unclear(f"has the lines {found[0]} and {found[1]}, and either may be {name}")
        other = self._image_of.setdefault(found[0], name)
        if other != name:
            raise self._unclear(f"has the line {found[0]}, which may be {other} or {name}")
        return self._rows[found[0]]

    def _unclear(self, message: str) -> UsageError:
        return UsageError(message, path=self._path, hint="write the names of images with their folders in the dataset")


def _end_alike(first: str, second: str) -> bool:
    """Whether one name is the end of the other, folder by folder."""
    return f"/{first}".endswith(f"/{second}") or f"/{second}".endswith(f"/{first}")
