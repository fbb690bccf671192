"""Numbers per image in sparse form: a few hundred bytes per image, for any number of classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = NDArray[Any]


class ImageRows:
    """One row of numbers per image, stored without zeros.

    Args:
        columns: Numbers per image.
        dtype: Dtype of the numbers.
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
            raise ValueError(f"image {place} was already added")
        cells = np.flatnonzero(row)
        self._rows[place] = cells.astype(np.int32), row[cells].astype(self.dtype)

    def merge(self, other: ImageRows) -> None:
        """Adds the rows of another accumulator, of other images.

        Raises:
            ValueError: Both contain the same image, or their rows differ in length.
        """
        if other.columns != self.columns:
            raise ValueError(f"rows of {other.columns} and of {self.columns} numbers cannot be merged")
        twice = self._rows.keys() & other._rows.keys()
        if twice:
            raise ValueError(f"{len(twice)} images were already added")
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
