"""Label maps drawn over images, with a legend that names the classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from segcli.data.classes import ClassMap, is_background
from segcli.data.palette import IGNORE_COLOUR, palette
from segcli.report.fonts import font_for

IGNORED_LABEL = "ignored"
_PAPER = (255, 255, 255)
_INK = (40, 40, 40)
_FRAME = (150, 150, 150)
_SMALLEST = 10
"""Height of the smallest letters, in pixels."""
_NARROWEST = 96
"""Width of the narrowest legend, in pixels."""


def overlay(
    image: NDArray[np.uint8],
    ids: NDArray[np.uint8],
    classes: ClassMap,
    alpha: float = 0.5,
    *,
    outline: bool = True,
) -> NDArray[np.uint8]:
    """An image with its label map over it.

    A class that is the background by name is left as it is.

    Args:
        image: RGB, uint8 [H, W, 3].
        ids: Class ids, uint8 [H, W]; ids without a class are drawn as ignored ones.
        classes: The classes.
        alpha: Weight of the colour, 0 (only the image) to 1 (only the colour).
        outline: Whether borders between classes are drawn in full colour.

    Returns:
        RGB, uint8 [H, W, 3].
    """
    table = _colour_table(classes)
    colours = cv2.LUT(cv2.merge([ids, ids, ids]), table.reshape(1, 256, 3))
    drawn = cv2.addWeighted(image, 1 - alpha, colours, alpha, 0)
    if is_background(classes.names[0]):
        background = ids == 0
        drawn[background] = image[background]
    if outline:
        edge = _borders(ids)
        drawn[edge] = colours[edge]
    return np.asarray(drawn, np.uint8)


class _Entry(NamedTuple):
    colour: tuple[int, int, int] | None
    label: str


def with_legend(
    rgb: NDArray[np.uint8], classes: ClassMap, shown: Iterable[int], colours: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """The image on paper with the names of the classes `shown` below it.

    The background, which overlays leave unpainted, is named only where it is alone. The legend is at most as high as
    the image (or one row): of more classes the first are named and the others counted.

    Args:
        rgb: RGB, uint8 [H, W, 3].
        classes: The classes.
        shown: Ids that occur; ids without a class are named as ignored.
        colours: RGB of each class, uint8 [classes, 3]; None takes those of label maps.

    Returns:
        RGB, uint8, higher than the image; wider too where the image is very narrow.
    """
    return above_legend(rgb, classes, shown, colours)[0]


def above_legend(
    rgb: NDArray[np.uint8], classes: ClassMap, shown: Iterable[int], colours: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """What `with_legend` gives, and the part of it that is the image: to draw there saves a copy of a large image."""
    legend = _draw_legend(_entries(classes, shown, colours), rgb.shape[1], rgb.shape[0])
    height, width = rgb.shape[:2]
    page = np.full((height + legend.shape[0], max(width, legend.shape[1]), 3), 255, np.uint8)
    left, legend_left = ((page.shape[1] - part.shape[1]) // 2 for part in (rgb, legend))
    image = page[:height, left : left + width]
    image[:] = rgb
    page[height:, legend_left : legend_left + legend.shape[1]] = legend
    return page, image


def legend(classes: ClassMap, shown: Iterable[int], width_px: int) -> NDArray[np.uint8]:
    """The legend alone: RGB, uint8 [H, width_px or more, 3]."""
    return _draw_legend(_entries(classes, shown), width_px)


class _FittedEntry(NamedTuple):
    """An entry of a legend, ready to be drawn: its text fits the room."""

    colour: tuple[int, int, int] | None
    text: str
    font: ImageFont.FreeTypeFont
    width: int


def _draw_legend(entries: list[_Entry], width_px: int, height_px: int | None = None) -> NDArray[np.uint8]:
    """Coloured squares with labels in rows; long labels are cut, and what exceeds the height is counted.

    Args:
        entries: What is named.
        width_px: Of the image; the legend of a very narrow one is wider.
        height_px: Of the image; None is no limit, and one row is always drawn.
    """
    size = min(28, max(_SMALLEST, width_px // 40))
    room = max(width_px, _NARROWEST)
    line, gap = round(1.7 * size), size
    most_rows = None if height_px is None else max(1, (height_px - gap) // line)
    drawn = [_fitted(entry, size, room) for entry in entries]
    places = _places(drawn, room, gap)
    kept = len(drawn)
    while most_rows is not None and places and places[-1][1] >= most_rows and kept > 1:
        kept -= 1
        more = _fitted(_Entry(None, f"+{len(entries) - kept} more"), size, room)
        drawn = [*drawn[:kept], more]
        places = _places(drawn, room, gap)
    rows = places[-1][1] + 1 if places else 1
    paper = Image.new("RGB", (room, line * rows + gap), _PAPER)
    pen = ImageDraw.Draw(paper)
    for item, (left, row) in zip(drawn, places, strict=True):
        middle = gap // 2 + line * row + line // 2
        top = middle - size // 2
        begin = left
        if item.colour is not None:
            pen.rectangle((left, top, left + size, top + size), fill=item.colour, outline=_FRAME)
            begin += size + gap // 2
        pen.text((begin, middle), item.text, fill=_INK, font=item.font, anchor="lm")
    return np.asarray(paper, np.uint8)


def _places(drawn: list[_FittedEntry], room: int, gap: int) -> list[tuple[int, int]]:
    """Left edge and row of each entry."""
    places, x, row = [], gap, 0
    for item in drawn:
        if x > gap and x + item.width + gap > room:
            x, row = gap, row + 1
        places.append((x, row))
        x += item.width + 2 * gap
    return places


def _fitted(entry: _Entry, size: int, room: int) -> _FittedEntry:
    """An entry whose label is cut until it fits a row of its own."""
    font, text = font_for(entry.label, size)
    square = 0 if entry.colour is None else size + size // 2
    whole, cut = text, len(text)
    while cut > 1 and square + font.getlength(text) > room - 2 * size:
        cut -= 1
        text = f"{whole[:cut].rstrip()}…"
    return _FittedEntry(entry.colour, text, font, square + round(font.getlength(text)))


def _entries(classes: ClassMap, shown: Iterable[int], colours: NDArray[np.uint8] | None = None) -> list[_Entry]:
    colours = palette(len(classes)) if colours is None else colours
    ids = sorted(set(shown))
    known = [class_id for class_id in ids if class_id < len(classes)]
    painted = [class_id for class_id in known if class_id > 0 or not is_background(classes.names[0])]
    entries = [_Entry(_rgb(colours[class_id]), classes.names[class_id]) for class_id in painted or known]
    if len(known) < len(ids):
        entries.append(_Entry(IGNORE_COLOUR, IGNORED_LABEL))
    return entries


def _rgb(colour: NDArray[np.uint8]) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in colour)
    return red, green, blue


def _colour_table(classes: ClassMap) -> NDArray[np.uint8]:
    table = np.empty((256, 3), np.uint8)
    table[:] = IGNORE_COLOUR
    table[: len(classes)] = palette(min(len(classes), 256))
    return table


def _borders(ids: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels whose right or lower neighbour is of another id, and wider in large images: bool [H, W]."""
    edge = np.zeros(ids.shape, np.uint8)
    edge[:, :-1] |= ids[:, :-1] != ids[:, 1:]
    edge[:-1] |= ids[:-1] != ids[1:]
    thickness = max(1, max(ids.shape) // 700)
    if thickness > 1:
        edge = cv2.dilate(edge, np.ones((thickness, thickness), np.uint8))
    return edge.astype(bool)
