"""`Evaluate.image_table`: what a person knows of the images, such as the weather or the camera, beside their scores."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segcli.data.csv_table import IMAGE_HEADERS, ImageTable, csv_lines, image_key
from segcli.errors import UsageError

log = logging.getLogger("segcli.evaluate")

_HINT = "write a line of headings and a line per image: image,weather,camera"
Cell = str | float | None


def with_own_columns(
    table: Sequence[Mapping[str, Any]], path: str | None
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The per-image table with the columns of a CSV file behind the image's name, and the names of these columns.

    Args:
        table: A row per image.
        path: The file; None adds nothing.

    Raises:
        UsageError: The file cannot be read, names a column that exists already or none of the images, or has
            a line that may be of two images.
    """
    if path is None:
        return [dict(row) for row in table], ()
    names, known = _read(Path(path))
    taken = [name for name in names if table and name in table[0]]
    if taken:
        raise UsageError(f"per_image.csv has a column {taken[0]} of its own", path=Path(path), hint="rename the column")
    find = ImageTable(known, Path(path)).find
    cells = [find(row["image"]) for row in table]
    missing = cells.count(None)
    if missing == len(table) and table:
        raise UsageError(
            f"names none of the {len(table)} images", path=Path(path), hint=f"the first image is {table[0]['image']}"
        )
    if missing:
        log.warning("%s: %d of %d images have no line", path, missing, len(table))
    empty = (None,) * len(names)
    rows = [
        {"image": row["image"], **dict(zip(names, own or empty, strict=True)), **row}
        for row, own in zip(table, cells, strict=True)
    ]
    return rows, names


def _read(path: Path) -> tuple[tuple[str, ...], dict[str, tuple[Cell, ...]]]:
    """Names of the columns besides the image's, and their cells by image."""
    lines = csv_lines(path, "table of images", _HINT)
    if not lines:
        raise UsageError("the table of images is empty", path=path, hint=_HINT)
    _, head = lines[0]
    place = next((place for place, name in enumerate(head) if name.lower() in IMAGE_HEADERS), None)
    if place is None or len(head) < 2 or "" in head or len(set(head)) < len(head):
        raise UsageError("the first line does not name an image column and others", path=path, hint=_HINT)
    rows = {}
    for number, cells in lines[1:]:
        if len(cells) != len(head) or not cells[place]:
            raise UsageError(f"line {number} has {len(cells)} cells, the first has {len(head)}", path=path, hint=_HINT)
        rows[image_key(cells[place])] = cells
    own = [column for column in range(len(head)) if column != place]
    columns = [_typed([cells[column] for cells in rows.values()]) for column in own]
    return tuple(head[column] for column in own), dict(zip(rows, zip(*columns, strict=True), strict=True))


def _typed(cells: Sequence[str]) -> list[Cell]:
    """Numbers where all cells are numbers, else texts; None for empty cells of numbers."""
    try:
        return [None if cell == "" else float(cell) for cell in cells]
    except ValueError:
        return list(cells)
