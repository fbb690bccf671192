"""Paints LabelMe shapes into a label map, pixel by pixel as LabelMe's own `shape_to_mask` does (with Pillow)."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from segcli.data.formats.labelme import Shape
from segcli.data.rle import Crop

_LARGE_RADIUS = 4
"""Radius, in multiples of width + height, from which the rim of a disc is nearly straight inside the image."""


class LabelCanvas:
    """A label map being painted.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        line_width: Width in pixels of `line` and `linestrip` shapes.
        point_size: Radius in pixels of `point` shapes.
        fill: Initial value of the pixels.
    """

    def __init__(self, height: int, width: int, *, line_width: int = 5, point_size: int = 5, fill: int = 0) -> None:
        self._image = Image.new("L", (width, height), fill)
        self._draw = ImageDraw.Draw(self._image)
        self._whole = (0, 0, width, height)
        self._line_width = line_width
        self._point_size = point_size
        self._painters: dict[str, Callable[[Shape, int], None]] = {
            "polygon": self._polygon,
            "rectangle": self._rectangle,
            "circle": self._circle,
            "line": self._line,
            "linestrip": self._line,
            "point": self._point,
            "mask": self._mask,
        }

    def paint(self, shape: Shape, value: int) -> None:
        """Sets the pixels of a shape to `value`, over what was painted before."""
        self._painters[shape.kind](shape, value)

    def paste(self, crop: Crop, value: int) -> None:
        """Sets the pixels of a crop to `value`, over what was painted before."""
        pixels, x, y = crop
        rows, columns = pixels.shape
        inside = Image.fromarray(np.where(pixels > 0, np.uint8(255), np.uint8(0)))
        self._image.paste(value, (x, y, x + columns, y + rows), inside)

    def labels(self) -> NDArray[np.uint8]:
        """The label map, uint8 [H, W]."""
        return np.asarray(self._image)

    def take(self, shape: Shape | None = None) -> Crop | None:
        """Returns the smallest rectangle around everything painted and clears the canvas; None when it is empty.

        Args:
            shape: The only shape that was painted, if there was only one: the rest of the canvas is not searched then.
        """
        left, top, *_ = reach = self._whole if shape is None else self._reach(shape)
        part = self._image.crop(reach)
        box = part.getbbox()
        if box is None:
            return None
        pixels = np.ascontiguousarray(np.asarray(part)[box[1] : box[3], box[0] : box[2]])
        self._image.paste(0, reach)
        return pixels, left + box[0], top + box[1]

    def measure(self, shape: Shape) -> tuple[tuple[int, int, int, int], int] | None:
        """As `take` for the only shape that was painted, but only the rectangle and the number of its pixels."""
        left, top, *_ = reach = self._reach(shape)
        part = self._image.crop(reach)
        box = part.getbbox()
        if box is None:
            return None
        self._image.paste(0, reach)
        area_px = part.width * part.height - part.histogram()[0]
        return (left + box[0], top + box[1], box[2] - box[0], box[3] - box[1]), area_px

    def _reach(self, shape: Shape) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a part of the image beyond which a shape has no pixel."""
        if shape.kind not in ("polygon", "rectangle"):
            return self._whole
        x0, y0, x1, y1 = shape.extent
        _, _, width, height = self._whole
        left, top = min(max(math.floor(x0) - 1, 0), width), min(max(math.floor(y0) - 1, 0), height)
        right, bottom = math.ceil(x1) + 2, math.ceil(y1) + 2
        return left, top, max(left, min(right, width)), max(top, min(bottom, height))

    def _polygon(self, shape: Shape, value: int) -> None:
        self._draw.polygon(list(shape.points), fill=value, outline=value)

    def _rectangle(self, shape: Shape, value: int) -> None:
        (x0, y0), (x1, y1) = shape.points[:2]
        corners = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        self._draw.rectangle(corners, fill=value, outline=value)

    def _circle(self, shape: Shape, value: int) -> None:
        centre, edge = shape.points[:2]
        self._disc(centre, math.dist(centre, edge), value)

    def _point(self, shape: Shape, value: int) -> None:
        for point in shape.points:
            self._disc(point, self._point_size, value)

    def _disc(self, centre: tuple[float, float], radius: float, value: int) -> None:
        x, y = centre
        if radius > _LARGE_RADIUS * sum(self._image.size):
            self._large_disc(centre, radius, value)
            return
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=value, outline=value)

    def _large_disc(self, centre: tuple[float, float], radius: float, value: int) -> None:
        """Paints a disc that extends far beyond the image: tests image pixels only; Pillow would draw all rows."""
        width, height = self._image.size
        away_x, away_y = np.arange(width) - centre[0], np.arange(height) - centre[1]
        inside = np.hypot(away_x[None], away_y[:, None]) <= radius
        self._image.paste(value, (0, 0, width, height), Image.fromarray(np.where(inside, np.uint8(255), np.uint8(0))))

    def _line(self, shape: Shape, value: int) -> None:
        self._draw.line(list(shape.points), fill=value, width=self._line_width)

    def _mask(self, shape: Shape, value: int) -> None:
        with Image.open(io.BytesIO(shape.mask or b"")) as image:
            inside = image.convert("L").point([0] + [255] * 255)
        x, y = (round(value) for value in shape.points[0])
        self._image.paste(value, (x, y, x + inside.width, y + inside.height), inside)
