"""The table of what `predict` can write of an image, for any task, beside its JSON.

Pure data, read before any library is imported. The code of a row is one module of `segcli.steps.predict.outputs` with a
function ``write(result, folder) -> Path``.
"""

from __future__ import annotations

from typing import NamedTuple

from segcli.models.task import Task


class OutputRow(NamedTuple):
    """One kind of file.

    Attributes:
        name: As in `Predict.write`.
        about: What it is, for the help.
        tasks: For which it exists.
    """

    name: str
    about: str
    tasks: tuple[Task, ...] = tuple(Task)


_ROWS = (
    OutputRow("label", "label map, PNG or tiled TIFF: a class id per pixel; of objects 0 is none and ids count from 1"),
    OutputRow("coco", "a COCO dataset of all images"),
    OutputRow("labelme", "a LabelMe dataset, to correct by hand"),
    OutputRow("yolo", "a YOLO segmentation dataset"),
    OutputRow("geojson", "polygons as GeoJSON, in the coordinates of a GeoTIFF or world file where there are some"),
    OutputRow("confidence", "how sure the model is of each pixel, a grey PNG: 0 to 255 is 0 to 1"),
    OutputRow("entropy", "how undecided it is between the classes, likewise", (Task.SEMANTIC,)),
    OutputRow("overlay", "the image with what was found"),
)
OUTPUTS: dict[str, OutputRow] = {row.name: row for row in _ROWS}


def output_names() -> tuple[str, ...]:
    """What `Predict.write` may hold.

    >>> output_names()[:3]
    ('label', 'coco', 'labelme')
    """
    return tuple(OUTPUTS)
