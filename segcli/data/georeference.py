"""Where an image lies on the Earth: of a GeoTIFF, or of the world file beside an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.files import write_text_atomic
from segcli.data.tiff_writer import WORLD_SUFFIXES, geo_tags

_SCALE, _TIE, _MATRIX, _KEYS = 33550, 33922, 34264, 34735
_PIXEL_IS_POINT, _RASTER_TYPE = 2, 1025
_PROJECTED, _GEOGRAPHIC = 3072, 2048
_USER_DEFINED = 32767


@dataclass(frozen=True)
class Georeference:
    """Turns corners of pixels into coordinates of a map: x = a * column + b * row + c, y = d * column + e * row + f.

    Attributes:
        matrix: a, b, c, d, e, f.
        epsg: Code of the coordinate system; None where it is not known.
    """

    matrix: tuple[float, float, float, float, float, float]
    epsg: int | None = None

    @staticmethod
    def of(path: str | None) -> Georeference | None:
        """That of an image file; None where it has none."""
        if path is None or "://" in path:
            return None
        return _of_tiff(Path(path)) or _of_world_file(Path(path))

    def on_map(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coordinates [N, 2] of corners of pixels (column, row) [N, 2]."""
        a, b, c, d, e, f = self.matrix
        return np.asarray(points @ np.array([[a, d], [b, e]]) + (c, f), np.float64)

    def save(self, path: Path) -> None:
        """Writes a world file, whose last two lines are the centre of the first pixel."""
        a, b, c, d, e, f = self.matrix
        values = (a, d, b, e, c + (a + b) / 2, f + (d + e) / 2)
        write_text_atomic(path, "".join(f"{value!r}\n" for value in values))


def _of_world_file(path: Path) -> Georeference | None:
    suffix = WORLD_SUFFIXES.get(path.suffix.lower())
    for candidate in (suffix, ".wld", f"{path.suffix}w"):
        file = None if candidate is None else path.with_suffix(candidate)
        if file is not None and file.is_file():
            try:
                a, d, b, e, x, y = (float(line) for line in file.read_text(encoding="ascii").split()[:6])
            except ValueError:
                return None
            return Georeference((a, b, x - (a + b) / 2, d, e, y - (d + e) / 2))
    return None


def _of_tiff(path: Path) -> Georeference | None:
    if path.suffix.lower() not in (".tif", ".tiff"):
        return None
    tags: Mapping[int, Any] = {code: value for code, _, _, value, _ in geo_tags(path)}
    keys = _geo_keys(tags.get(_KEYS, ()))
    if _MATRIX in tags and len(tags[_MATRIX]) == 16:
        m = tags[_MATRIX]
        matrix = (m[0], m[1], m[3], m[4], m[5], m[7])
    elif _SCALE in tags and len(tags.get(_TIE, ())) >= 6:
        (across, down), (column, row, _, x, y) = tags[_SCALE][:2], tags[_TIE][:5]
        matrix = (across, 0.0, x - column * across, 0.0, -down, y + row * down)
    else:
        return None
    a, b, c, d, e, f = (float(value) for value in matrix)
    if keys.get(_RASTER_TYPE) == _PIXEL_IS_POINT:
        c, f = c - (a + b) / 2, f - (d + e) / 2
    codes = (keys.get(_PROJECTED), keys.get(_GEOGRAPHIC))
    epsg = next((code for code in codes if code not in (None, 0, _USER_DEFINED)), None)
    return Georeference((a, b, c, d, e, f), epsg)


def _geo_keys(values: Any) -> dict[int, int]:
    """Keys whose values stand in the directory itself."""
    quads = [tuple(values[at : at + 4]) for at in range(4, len(values) - 3, 4)]
    return {int(key): int(value) for key, place, _, value in quads if place == 0}
