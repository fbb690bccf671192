"""The report of an evaluation, as an HTML page and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segcli.data.files import write_text_atomic
from segcli.errors import UsageError
from segcli.metrics.slices import SlicedColumn
from segcli.report.mistakes import OBJECT_KEY, PIXEL_KEY, ColourKey
from segcli.report.pages import data_uri, jpeg_uri, write_page
from segcli.steps.evaluate.drawings import ImagePanels

PAGE, MARKDOWN = "evaluate_report.html", "evaluate_report.md"
SLICED = (
    "width",
    "height",
    "brightness",
    "contrast",
    "saturation",
    "sharpness",
    "classes",
    "objects",
    "folder",
    "group",
)
"""Columns of the per-image table by which the score is sliced by default."""


def sliced_columns(
    table: Sequence[Mapping[str, Any]], wanted: Sequence[str] | None, own: Sequence[str] = ()
) -> Sequence[str]:
    """The columns by which the score is sliced.

    Args:
        table: A row per image.
        wanted: `Evaluate.slice_by`.
        own: Columns of `Evaluate.image_table`, by which it is sliced if nothing else is wanted.

    Raises:
        UsageError: A requested column is not in the table.
    """
    there = dict.fromkeys(name for row in table for name in row)
    unknown = [name for name in wanted or () if name not in there]
    if unknown:
        hint = f"the columns are: {', '.join(there)}"
        raise UsageError(f"Evaluate.slice_by names {unknown[0]}, which is not a column of per_image.csv", hint=hint)
    return (*own, *SLICED) if wanted is None else wanted


@dataclass(frozen=True)
class PageTable:
    """A table of the page; all cells are text.

    Attributes:
        title: Heading.
        columns: Names of the columns.
        rows: Cells.
        remark: A line below the heading.
        words: How many columns, from the left, hold words; the others hold numbers, which are aligned on the right.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    remark: str = ""
    words: int = 1


@dataclass(frozen=True)
class ShownImage:
    """An image of a gallery: its name, its score as text, and captions with drawings."""

    name: str
    score: str
    drawings: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Gallery:
    """The worst or the best images, with a colour key."""

    title: str
    key: Sequence[tuple[str, str]]
    images: Sequence[ShownImage]


@dataclass(frozen=True)
class Page:
    """The content of both the HTML and the Markdown report.

    Attributes:
        title: What was measured, on what.
        headline: The numbers of all classes, with their intervals.
        facts: Model, weights, data, protocol.
        notes: Warnings and remarks on the numbers.
        tables: Classes, errors, slices.
        galleries: Worst and best images.
    """

    title: str
    headline: Sequence[tuple[str, str]]
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str] = ()
    tables: Sequence[PageTable] = ()
    galleries: Sequence[Gallery] = field(default=())


def write_pages(page: Page, folder: Path, plots: Mapping[str, Path]) -> tuple[str, str]:
    """Writes `evaluate_report.html`, with images embedded, and `evaluate_report.md`; returns both paths."""
    drawn = [(caption, data_uri(path)) for caption, path in plots.items()]
    write_page(PAGE, folder / PAGE, page=page, plots=drawn)
    write_text_atomic(folder / MARKDOWN, _markdown(page))
    return str(folder / PAGE), str(folder / MARKDOWN)


def galleries(
    table: Sequence[Mapping[str, Any]], score: str, most: int, draw: Callable[[str], ImagePanels]
) -> list[Gallery]:
    """The worst and the best images by a column of the table, each drawn.

    Args:
        table: A row per image.
        score: Column of the score; images without a score are skipped.
        most: Most images per gallery; 0 draws none.
        draw: Draws an image by its name.
    """
    known = sorted((row for row in table if row[score] is not None), key=lambda row: (row[score], row["image"]))
    worst = known[:most]
    best = [row for row in reversed(known) if row not in worst][:most]
    parts = [("Worst images", worst), ("Best images", best)]
    return [_gallery(title, rows, score, draw) for title, rows in parts if rows]


def _gallery(title: str, rows: Sequence[Mapping[str, Any]], score: str, draw: Callable[[str], ImagePanels]) -> Gallery:
    images: list[ShownImage] = []
    key = OBJECT_KEY
    for row in rows:
        drawn = draw(row["image"])
        drawings = [("truth", drawn.truth), ("prediction", drawn.prediction)]
        if drawn.mistakes is not None:
            drawings.append(("wrong pixels", drawn.mistakes))
            key = PIXEL_KEY
        texts = [(caption, jpeg_uri(rgb)) for caption, rgb in drawings]
        images.append(ShownImage(row["image"], f"{score} {row[score]:.4f}", texts))
    return Gallery(title, colour_key(key), images)


def colour_key(key: ColourKey) -> list[tuple[str, str]]:
    """CSS colours and their meanings."""
    return [(f"rgb{colour}", meaning) for colour, meaning in key]


def slice_tables(columns: Sequence[SlicedColumn], score: str) -> list[PageTable]:
    """One table per column: mean score of the images of each slice."""
    tables = []
    for one in columns:
        remark = "" if one.correlation is None else f"rank correlation with the score: {one.correlation:+.2f}"
        rows = [(part.name, str(part.images), f"{part.mean:.4f}") for part in one.slices]
        tables.append(PageTable(f"By {one.column}", (one.column, "images", f"mean {score}"), rows, remark))
    return tables


def _markdown(page: Page) -> str:
    lines = [f"## Evaluation: {_cell(page.title)}", ""]
    lines += _table(("number", "value"), page.headline)
    lines += [f"> {note}\n" for note in page.notes]
    for table in page.tables:
        lines += [f"### {_cell(table.title)}", ""] + ([table.remark, ""] if table.remark else [])
        lines += _table(table.columns, table.rows)
    lines += _table(("", ""), page.facts)
    for gallery in page.galleries:
        lines += [f"### {gallery.title}", ""]
        lines += _table(("image", "score"), [(image.name, image.score) for image in gallery.images])
    return "\n".join(lines)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    written = [f"| {' | '.join(map(_cell, row))} |" for row in (columns, *rows)]
    return [written[0], "| --- " * len(columns) + "|", *written[1:], ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
