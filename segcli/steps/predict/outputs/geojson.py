"""Polygons as GeoJSON (RFC 7946), for maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.files import write_json_atomic
from segcli.data.georeference import Georeference
from segcli.steps.predict.found_object import FoundObject
from segcli.steps.predict.image_result import ImageResult


def write(result: ImageResult, folder: Path) -> Path:
    """``<name>.geojson``: a feature per object, in map coordinates, or in pixels (y downwards) where there are none."""
    place = Georeference.of(result.file)
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": (_feature(one, result.label_of(one), place) for one in result.objects if one.mask.outlines),
    }
    if place is not None and place.epsg is not None:
        # older than RFC 7946; QGIS and GDAL read it for coordinates that are not in degrees
        document["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{place.epsg}"}}
    path = result.path_in(folder, ".geojson")
    write_json_atomic(path, document)
    return path


def _feature(one: FoundObject, class_id: int, place: Georeference | None) -> dict[str, Any]:
    polygons = [
        [_closed(part.outer, place, outer=True), *(_closed(hole, place, outer=False) for hole in part.holes)]
        for part in one.mask.outlines
    ]
    properties: dict[str, Any] = {"class": one.label, "class_id": class_id, "area_px": one.mask.area_px}
    if one.score is not None:
        properties["score"] = round(one.score, 6)
    if len(polygons) == 1:
        return {
            "type": "Feature",
            "properties": properties,
            "geometry": {"type": "Polygon", "coordinates": polygons[0]},
        }
    return {"type": "Feature", "properties": properties, "geometry": {"type": "MultiPolygon", "coordinates": polygons}}


def _closed(ring: NDArray[Any], place: Georeference | None, *, outer: bool) -> list[list[float]]:
    """A closed ring: outer rings anticlockwise, holes clockwise, as GeoJSON requires."""
    points = np.asarray(ring, np.float64)
    if place is not None:
        points = place.on_map(points)
    following = np.roll(points, -1, axis=0)
    area = float((points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]).sum())
    if (area < 0) == outer:
        points = points[::-1]
    found: list[list[float]] = np.round(points, 9).tolist()
    return [*found, found[0]]
