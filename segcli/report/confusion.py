"""A confusion matrix as an image, drawn with Pillow: a plotting library takes seconds for hundreds of names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from segcli.data.classes import ClassMap
from segcli.data.files import atomic_path
from segcli.report.fonts import font_for
from segcli.report.lettering import FAINT, INK, PAPER, ink, text_mask

_MOST_WITH_NUMBERS = 25
"""Classes up to which the cells hold numbers; more would not be legible."""
_LONGEST_NAME = 24
_MOST_WITHOUT_IDS = 12
"""Classes up to which a name finds its row without an id."""

_BLUES = ("f7fbff", "deebf7", "c6dbef", "9ecae1", "6baed6", "4292c6", "2171b5", "08519c", "08306b")
"""ColorBrewer's Blues (Brewer 2003), from 0 to 100 %."""
_GAP = 8
_BAR = 22
"""Width of the colour bar."""


def draw_confusion(matrix: NDArray[np.int64], classes: ClassMap, target: Path, counted: str = "pixels") -> None:
    """Draws what each true class was predicted as, in percent of its pixels or objects, as PNG.

    Args:
        matrix: int64 [truth, prediction].
        classes: The classes.
        target: Where the image goes.
        counted: What the numbers of the matrix count.
    """
    percent, with_numbers = _row_percent(matrix), len(classes) <= _MOST_WITH_NUMBERS
    cell, size = (56, 15) if with_numbers else (14, 11)
    names = [text_mask(name, size) for name in tick_names(list(classes))]
    title, bar = text_mask("predicted", size), _colour_bar(max(cell * len(classes), 240), size, counted)
    columns = [name.rotate(45 if with_numbers else 90, expand=True) for name in names]
    left = title.height + 2 * _GAP + max(name.width for name in names)
    side = cell * len(classes)
    bottom = side + max(name.height for name in columns) + title.height + 4 * _GAP
    sheet = Image.new("RGB", (left + side + bar.width + 5 * _GAP, max(bottom, bar.height) + _GAP), PAPER)
    sheet.paste(_cells(percent, cell), (left + _GAP, 2 * _GAP))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((left + _GAP - 1, 2 * _GAP - 1, left + _GAP + side, 2 * _GAP + side), outline=INK)
    for place, (name, column) in enumerate(zip(names, columns, strict=True)):
        middle = place * cell + cell // 2
        ink(sheet, name, left - name.width, 2 * _GAP + middle - name.height // 2)
        # a slanted name ends below the middle of its column
        begin = middle + name.height // 2 - column.width if with_numbers else middle - column.width // 2
        ink(sheet, column, left + _GAP + begin, side + 3 * _GAP)
    ink(sheet, title, left + _GAP + side // 2 - title.width // 2, bottom - title.height)
    truth = text_mask("true", size).rotate(90, expand=True)
    ink(sheet, truth, _GAP // 2, 2 * _GAP + side // 2 - truth.height // 2)
    if with_numbers:
        _write_numbers(draw, percent, cell, (left + _GAP, 2 * _GAP))
    sheet.paste(bar, (left + side + 4 * _GAP, _GAP))
    with atomic_path(target) as temporary:
        sheet.save(temporary, "PNG", compress_level=4)


def _colours(percent: NDArray[np.float64]) -> NDArray[np.uint8]:
    """RGB of percentages [...]; white for NaN."""
    stops = np.array([tuple(bytes.fromhex(colour)) for colour in _BLUES], np.float64)
    at = np.linspace(0, 100, len(stops))
    rgb = np.stack([np.interp(np.nan_to_num(percent), at, channel) for channel in stops.T], axis=-1)
    rgb[np.isnan(percent)] = 255
    return rgb.round().astype(np.uint8)


def _cells(percent: NDArray[np.float64], cell: int) -> Image.Image:
    small = Image.fromarray(_colours(percent))
    return small.resize((small.width * cell, small.height * cell), Image.Resampling.NEAREST)


def _colour_bar(height: int, size: int, counted: str) -> Image.Image:
    """What the colours mean, as tall as the matrix."""
    label = text_mask(f"% of the true {counted}", size).rotate(90, expand=True)
    ticks = {value: text_mask(str(value), size) for value in range(0, 101, 20)}
    widest = max(tick.width for tick in ticks.values())
    bar = Image.new("RGB", (_BAR + widest + label.width + 4 * _GAP, height + 2 * _GAP), PAPER)
    bar.paste(Image.fromarray(_colours(np.linspace(100, 0, height)[:, None].repeat(_BAR, axis=1))), (1, _GAP))
    ImageDraw.Draw(bar).rectangle((0, _GAP - 1, _BAR + 1, _GAP + height), outline=INK)
    for value, tick in ticks.items():
        ink(bar, tick, _BAR + _GAP, _GAP + round(height * (1 - value / 100)) - tick.height // 2)
    ink(bar, label, _BAR + widest + 2 * _GAP, _GAP + height // 2 - label.height // 2)
    return bar


def tick_names(names: list[str]) -> list[str]:
    """Names that fit the axes and differ: long ones are cut in the middle; of many classes each has its id before it.

    >>> tick_names(["road", "a very long name of a class number 1", "a very long name of a class number 2"])
    ['0 road', '1 a very long…ass number 1', '2 a very long…ass number 2']
    """
    short = [_cut(name) for name in names]
    with_ids = len(names) > _MOST_WITHOUT_IDS or short != names
    return [f"{number} {name}" for number, name in enumerate(short)] if with_ids else short


def _cut(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    kept = _LONGEST_NAME - 1
    return f"{name[: kept // 2].rstrip()}…{name[-(kept - kept // 2) :].lstrip()}"


def _row_percent(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Percent of each row; NaN in the row of a class that never occurs."""
    total = matrix.sum(axis=1, keepdims=True)
    percent = np.full(matrix.shape, np.nan)
    np.divide(100.0 * matrix, total, out=percent, where=total > 0)
    return percent


def _write_numbers(draw: ImageDraw.ImageDraw, percent: NDArray[np.float64], cell: int, corner: Sequence[int]) -> None:
    font, _ = font_for("0123456789.<–", 13)
    for (row, column), value in np.ndenumerate(percent):
        if np.isnan(value):
            text = "–" if row == column else ""
        else:
            text = "0" if value == 0 else "<0.1" if value < 0.05 else f"{value:.1f}"
        colour = PAPER if value > 60 else INK if value else FAINT
        middle = corner[0] + column * cell + cell // 2, corner[1] + row * cell + cell // 2
        draw.text(middle, text, fill=colour, font=font, anchor="mm")
