"""Numbers of each image, kept sparsely: a few hundred bytes per image, whatever the number of classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = NDArray[Any]


class ImageRows:
    """One row of numbers per image, of which those that are not 0 are kept.

    Args:
        columns: Numbers per image.
        dtype: Of the numbers.
    """

    def __init__(self, columns: int, dtype: type[np.generic] = np.int64) -> None:
        self.columns = columns
        self.dtype = dtype
        self._rows: dict[int, tuple[NDArray[np.int32], Row]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def update(self, place: int, row: Row) -> None:
        """Adds an image by its place in the dataset, with its numbers [columns].

        Raises:
            ValueError: The image was added before.
        """
        if place in self._rows:
            raise ValueError(f"image {place} is measured a second time")
        cells = np.flatnonzero(row)
        self._rows[place] = cells.astype(np.int32), row[cells].astype(self.dtype)

    def merge(self, other: ImageRows) -> None:
        """Adds what another one has seen of other images.

        Raises:
            ValueError: Both have seen an image, or their rows differ in length.
        """
        if other.columns != self.columns:
            raise ValueError(f"rows of {other.columns} and {self.columns} numbers")
        twice = self._rows.keys() & other._rows.keys()
        if twice:
            raise ValueError(f"{len(twice)} images are measured a second time")
        self._rows.update(other._rows)

    @property
    def places(self) -> list[int]:
        """Places of the images in the dataset, in order."""
        return sorted(self._rows)

    def sparse(self) -> Iterator[tuple[NDArray[np.int32], Row]]:
        """Columns that are not 0 and their numbers, of each image in the order of `places`."""
        return (self._rows[place] for place in self.places)

    def total(self) -> Row:
        """The sum over the images [columns]."""
        found = np.zeros(self.columns, self.dtype)
        for cells, values in self.sparse():
            found[cells] += values
        return found

    def dense(self) -> Row:
        """All numbers: [images, columns], in the order of `places`."""
        table = np.zeros((len(self), self.columns), self.dtype)
        for row, (cells, values) in zip(table, self.sparse(), strict=True):
            row[cells] = values
        return table
