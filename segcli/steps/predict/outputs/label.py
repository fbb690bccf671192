"""The label map: a palette PNG, or a tiled TIFF for a large image."""

from __future__ import annotations

from pathlib import Path

from segcli.data.georeference import Georeference
from segcli.data.palette import png_palette
from segcli.data.tiff_writer import WORLD_SUFFIXES, write_label_tiff
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.writers import save_label_map


def write(result: ImageResult, folder: Path) -> Path:
    """``<name>_label.png``, or ``.tif`` for an image read in windows, and a world file where the image has one."""
    strips, classes = result.label_strips()
    if result.in_windows:
        path = result.path_in(folder, "_label.tif")
        write_label_tiff(path, strips, result.size, png_palette(len(classes)), result.geo_tags)
    else:
        path = result.path_in(folder, "_label.png")
        save_label_map(path, next(iter(strips)), classes)
    place = Georeference.of(result.file)
    if place is not None:
        place.save(path.with_suffix(WORLD_SUFFIXES[path.suffix]))
    return path
