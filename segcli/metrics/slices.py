"""Scores of the images by their properties: size, brightness, number of objects, folder, group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PARTS = 4
"""Ranges of a numeric column, each with the same number of images; so few values are slices of their own."""
_MOST_VALUES = 12
"""Most values of a text column that are shown, the most frequent ones."""


@dataclass(frozen=True)
class Slice:
    """Images that share a value or range of a column.

    Attributes:
        name: The value or range, such as ``12 to 40``.
        images: How many with a score.
        mean: Mean score of the single images.
    """

    name: str
    images: int
    mean: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"name": self.name, "images": self.images, "mean": self.mean}


@dataclass(frozen=True)
class SlicedColumn:
    """A column of the table of images against the score.

    Attributes:
        column: Its name.
        correlation: Spearman's rank correlation with the score; None for a text, or where nothing varies.
        slices: The images by its values.
    """

    column: str
    correlation: float | None
    slices: tuple[Slice, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        slices = [one.as_dict() for one in self.slices]
        return {"column": self.column, "correlation": self.correlation, "slices": slices}


def sliced(table: Sequence[Mapping[str, Any]], score: str, columns: Sequence[str]) -> list[SlicedColumn]:
    """The score by each column that varies; images without a score are left out.

    Args:
        table: A row per image.
        score: Column of the score.
        columns: Columns to look at; those that the table lacks are left out.
    """
    rows = [row for row in table if row.get(score) is not None]
    found = []
    for column in columns:
        known = [row for row in rows if row.get(column) is not None]
        if len({row[column] for row in known}) > 1:
            numeric = not isinstance(known[0][column], str)
            found.append((_by_number if numeric else _by_text)(known, score, column))
    return found


def _by_number(rows: Sequence[Mapping[str, Any]], score: str, column: str) -> SlicedColumn:
    values = np.array([float(row[column]) for row in rows])
    scores = np.array([float(row[score]) for row in rows])
    varies = len(set(scores.tolist())) > 1
    correlation = float(np.corrcoef(_ranks(values), _ranks(scores))[0, 1]) if varies else None
    distinct = np.unique(values)
    if len(distinct) <= PARTS:
        part = np.searchsorted(distinct, values)
    else:
        borders = np.unique(np.quantile(values, np.linspace(0, 1, PARTS + 1)))
        part = np.clip(np.searchsorted(borders, values, side="right") - 1, 0, len(borders) - 2)
    slices = []
    for place in np.unique(part):
        inside = part == place
        low, high = values[inside].min(), values[inside].max()
        name = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        slices.append(Slice(name, int(inside.sum()), float(scores[inside].mean())))
    return SlicedColumn(column, correlation, tuple(slices))


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Rank of each value from 1; equal values share their mean rank. Importing scipy.stats for it takes 0.5 s."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place], np.float64)


def _by_text(rows: Sequence[Mapping[str, Any]], score: str, column: str) -> SlicedColumn:
    by_value: dict[str, list[float]] = {}
    for row in rows:
        by_value.setdefault(row[column], []).append(float(row[score]))
    frequent = sorted(by_value, key=lambda value: (-len(by_value[value]), value))[:_MOST_VALUES]
    slices = (Slice(value or "(none)", len(by_value[value]), float(np.mean(by_value[value]))) for value in frequent)
    return SlicedColumn(column, None, tuple(slices))
