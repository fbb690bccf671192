"""Images that belong together: frames of a video, tiles of one image, one patient.

A group must not lie in two splits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from segcli.data.csv_table import IMAGE_HEADERS, ImageTable, csv_lines, image_key
from segcli.errors import UsageError
from segcli.plurals import counted, listed

GroupOf = Callable[[str], str | None]
"""From an image's name, relative to the dataset with forward slashes, to its group; None where it has none."""


class NoGroupError(UsageError):
    """A rule of groups fits no image."""


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
    """The second column of a CSV file, by the image's name in the first; see `ImageTable`.

    Args:
        table: The file, with commas, semicolons or tabs, with or without a line of headings.

    Raises:
        UsageError: It cannot be read, or a line has one column only.
    """
    return ImageTable(dict(_rows(table)), table).find


def group_rule(by_folder: bool, pattern: str | None, table: str | None) -> GroupOf | None:
    """The one of the three that is given; None where none is."""
    if table is not None:
        return groups_by_table(Path(table))
    if pattern is not None:
        return groups_by_pattern(pattern)
    return groups_by_folder if by_folder else None


def group_each(names: Sequence[str], group_of: GroupOf | None) -> list[str | None]:
    """The group of each image by its name; None for those without one.

    Raises:
        NoGroupError: There is a rule, and it finds no group for any image.
    """
    if group_of is None:
        return [None] * len(names)
    groups = [group_of(name) for name in names]
    require_groups(any(group is not None for group in groups), names)
    return groups


def require_groups(found: bool, names: Sequence[str]) -> None:
    """Refuses a rule of groups that finds none in these images, as a slip in a pattern does.

    Raises:
        NoGroupError: None was found.
    """
    if names and not found:
        of_names = f"none of the {counted(len(names), 'name')} {listed(names, 3)}"
        raise NoGroupError(
            f"no image has a group: CheckDataset.groups fits {of_names}",
            hint="give a pattern that fits the names, such as '(patient[0-9]+)_', a table, or folders below images/",
        )


def _rows(table: Path) -> list[tuple[str, str]]:
    hint = "write two columns, the image's name and its group: frame_0001.png,video_7"
    rows = []
    for number, cells in csv_lines(table, "table of groups", hint):
        if number == 1 and cells[0].lower() in IMAGE_HEADERS:
            continue
        if len(cells) < 2 or not cells[0] or not cells[1]:
            raise UsageError(f"line {number} of the table of groups names no group", path=table, hint=hint)
        rows.append((image_key(cells[0]), cells[1]))
    return rows
