"""Images that belong together: frames of a video, tiles of one image, one patient.

A group must not lie in two splits.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

from segcli.data.files import read_bytes
from segcli.errors import UsageError

GroupOf = Callable[[str], str | None]
"""From an image's name, relative to the dataset with forward slashes, to its group; None where it has none."""

_IMAGE_HEADERS = frozenset({"image", "file", "file_name", "filename", "name", "path"})


def groups_by_folder(name: str) -> str | None:
    """The folder that the image lies in; images that lie in the dataset's root or in ``images/`` itself have none."""
    folder, _, _ = name.rpartition("/")
    return folder if folder.removeprefix("images") else None


def groups_by_pattern(pattern: str) -> GroupOf:
    """What a regular expression finds in the name: its first group, or all that it matches.

    Raises:
        UsageError: It is no regular expression.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"the pattern of groups {pattern!r} is no regular expression: {error}",
            hint=r"write one like '(patient\d+)_' whose first group names what belongs together",
        ) from error

    def group_of(name: str) -> str | None:
        found = compiled.search(name)
        return None if found is None else found.group(1 if compiled.groups else 0)

    return group_of


def groups_by_table(table: Path) -> GroupOf:
    """The second column of a CSV file, by the image's name in the first: with its folders, or the file's name alone.

    Args:
        table: The file, with commas, semicolons or tabs, with or without a line of headings.

    Raises:
        UsageError: It cannot be read, or a line has one column only.
    """
    groups = dict(_rows(table))
    by_file = {name.rpartition("/")[2]: group for name, group in groups.items()}

    def group_of(name: str) -> str | None:
        return groups.get(name) or by_file.get(name.rpartition("/")[2])

    return group_of


def group_rule(by_folder: bool, pattern: str | None, table: str | None) -> GroupOf | None:
    """The one of the three that is given; None where none is."""
    if table is not None:
        return groups_by_table(Path(table))
    if pattern is not None:
        return groups_by_pattern(pattern)
    return groups_by_folder if by_folder else None


def _rows(table: Path) -> list[tuple[str, str]]:
    hint = "write two columns, the image's name and its group: frame_0001.png,video_7"
    try:
        text = read_bytes(table).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the table of groups cannot be read: {error}", path=table, hint=hint) from error
    separator = next((sign for sign in ",;\t" if sign in text.partition("\n")[0]), ",")
    rows = []
    for number, row in enumerate(csv.reader(text.splitlines(), delimiter=separator), start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and cells[0].lower() in _IMAGE_HEADERS):
            continue
        if len(cells) < 2 or not cells[0] or not cells[1]:
            raise UsageError(f"line {number} of the table of groups names no group", path=table, hint=hint)
        rows.append((cells[0].replace("\\", "/"), cells[1]))
    return rows
