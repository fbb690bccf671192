"""Tables that a person writes about images: CSV files with commas, semicolons or tabs."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

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


def of_image(table: Mapping[str, V], by_file: Mapping[str, V], name: str) -> V | None:
    """What a table has for an image: by its name with folders, else by the file's name alone."""
    return table.get(name) or by_file.get(name.rpartition("/")[2])


def by_file_name(table: Mapping[str, V]) -> dict[str, V]:
    """The entries of a table by the file's name alone."""
    return {name.rpartition("/")[2]: value for name, value in table.items()}
