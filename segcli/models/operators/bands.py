"""Pixels in bands that stay in the processor's cache while several operations run over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_BAND_PX = 1 << 14


def bands(shape: Sequence[int]) -> Iterator[tuple[int, slice]]:
    """The row and the columns of each band of an array of pixels [N, P]."""
    rows, pixels = shape
    for row in range(rows):
        for start in range(0, pixels, _BAND_PX):
            yield row, slice(start, start + _BAND_PX)
