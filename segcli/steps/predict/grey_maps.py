"""Maps of grey values as files: a PNG, or a tiled TIFF for an image that is read in windows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from segcli.data.image import Labels
from segcli.data.tiff_writer import write_label_tiff
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.writers import save_grey

_GREYS = tuple(grey for grey in range(256) for _ in range(3))


def write_grey(result: ImageResult, folder: Path, name: str, strips: Iterator[Labels]) -> Path:
    """Writes ``<result>_<name>.png``, or ``.tif`` for an image read in windows, with the tags of a GeoTIFF.

    Args:
        result: The result that the map belongs to.
        folder: Folder of the result files.
        name: Ending of the file name.
        strips: The map from top to bottom, uint8.
    """
    if not result.in_windows:
        return save_grey(result.path_in(folder, f"_{name}.png"), next(strips))
    path = result.path_in(folder, f"_{name}.tif")
    write_label_tiff(path, strips, result.size, _GREYS, result.geo_tags)
    return path
