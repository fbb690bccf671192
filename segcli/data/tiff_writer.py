"""Writes label maps as tiled TIFF, strip by strip, and carries over where an image lies on the Earth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.files import atomic_path

TILE_PX = 512
"""Side of a tile in the file; strips of as many rows are taken."""
_GEO_TAGS = (33550, 33922, 34264, 34735, 34736, 34737)
"""GeoTIFF: size of a pixel, tie points, matrix, and the keys of the coordinate system."""
WORLD_SUFFIXES = {".tif": ".tfw", ".tiff": ".tfw", ".jpg": ".jgw", ".jpeg": ".jgw", ".png": ".pgw", ".bmp": ".bpw"}
"""Suffix of the world file beside an image: six lines that turn pixels into coordinates."""
Tag = tuple[int, int, int, Any, bool]


def write_label_tiff(
    path: Path,
    strips: Iterable[NDArray[np.uint8]],
    size: tuple[int, int],
    palette: Sequence[int],
    tags: Sequence[Tag] = (),
) -> None:
    """Writes a palette TIFF whose pixels are the class ids, in tiles packed by deflate.

    Args:
        path: The file.
        strips: The label map from above to below, `TILE_PX` rows each but the last.
        size: Its height and width.
        palette: Red, green and blue of each id, 0 to 255.
        tags: Further tags, such as `geo_tags`.
    """
    import tifffile

    colours = np.zeros((3, 256), np.uint16)
    given = np.array(palette, np.uint16).reshape(-1, 3)[:256]
    colours[:, : len(given)] = given.T * 257
    with atomic_path(path) as temporary, tifffile.TiffWriter(temporary, bigtiff=size[0] * size[1] > 1 << 31) as file:
        file.write(
            _tiles(strips),
            shape=size,
            dtype=np.uint8,
            tile=(TILE_PX, TILE_PX),
            compression="zlib",
            photometric="palette",
            colormap=colours,
            extratags=tags,
            metadata=None,
        )


def _tiles(strips: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    for strip in strips:
        for left in range(0, strip.shape[1], TILE_PX):
            part = strip[:, left : left + TILE_PX]
            tile = np.zeros((TILE_PX, TILE_PX), np.uint8)
            tile[: part.shape[0], : part.shape[1]] = part
            yield tile


def geo_tags(path: Path) -> list[Tag]:
    """The tags by which a GeoTIFF says where it lies; none of another file."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            tags = [file.pages.first.tags.get(code) for code in _GEO_TAGS]
            found = [tag for tag in tags if tag is not None]
            return [(tag.code, int(tag.dtype), tag.count, tag.value, True) for tag in found]
    except (OSError, ValueError, KeyError, IndexError, TypeError, tifffile.TiffFileError):
        return []
