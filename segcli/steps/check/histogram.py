"""The histogram of the classes, drawn with Pillow: a plotting library costs more than the check of a small dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from segcli.data.files import atomic_path
from segcli.data.samples import Split
from segcli.report.lettering import INK, PAPER, ink, text_mask
from segcli.steps.check.result import ClassCount

COLOURS = {Split.TRAIN: (42, 111, 187), Split.VAL: (240, 160, 48)}
_GRID = (233, 233, 233)
_WIDTH_PX = 1210
_ROW_PX, _MANY_ROWS_PX = 56, 30
_MANY = 40
_LONGEST_NAME = 28
MOST_ROWS = 100
"""Most classes in the histogram, the most frequent ones; the result file has all."""
_TEXT_PX, _NUMBER_PX = 15, 12
_GAP = 12
_TICKS = 6
"""Most marks between the ends of an axis."""

Values = Mapping[Split, Sequence[float]]


def draw_histogram(counts: Sequence[ClassCount], samples: Mapping[Split, int], target: Path) -> None:
    """Draws two panels with a bar per class and split: share of the pixels or number of objects, and images.

    Args:
        counts: Counts of the classes.
        samples: Number of images per split.
        target: Path of the PNG file.
    """
    shown = most_frequent(counts)
    row = _ROW_PX if len(shown) <= _MANY else _MANY_ROWS_PX
    names = [text_mask(_shortened(count.name), _TEXT_PX) for count in shown]
    amounts, form, axis = _amounts(shown)
    images = {split: [count.images[split] for count in shown] for split in Split}
    # the widest signs of a script take several times the room of others: their names lose their beginning
    left = min(max((name.width for name in names), default=0) + 2 * _GAP, _WIDTH_PX // 2)
    width = (_WIDTH_PX - left - 2 * _GAP) // 2
    panels = (_panel(amounts, form, axis, width, row), _panel(images, "{:d}", "images that show the class", width, row))
    legend = _legend({split: f"{split.value} ({samples[split]} images)" for split in Split})
    top = legend.height + 2 * _GAP
    sheet = Image.new("RGB", (_WIDTH_PX, top + panels[0].height + _GAP // 2), PAPER)
    sheet.paste(legend, ((_WIDTH_PX - legend.width) // 2, _GAP))
    if len(shown) < len(counts):
        title = text_mask(f"the {len(shown)} most frequent of {len(counts)} classes", _NUMBER_PX)
        ink(sheet, title, left, top - title.height - 2)
    for number, panel in enumerate(panels):
        sheet.paste(panel, (left + number * (width + _GAP), top))
    for place, name in enumerate(names):
        ink(sheet, name, left - name.width - _GAP // 2, top + place * row + (row - name.height) // 2)
    with atomic_path(target) as temporary:
        sheet.save(temporary, "PNG", compress_level=4)


def most_frequent(counts: Sequence[ClassCount]) -> list[ClassCount]:
    """The `MOST_ROWS` most frequent classes, in the order of their ids."""
    if len(counts) <= MOST_ROWS:
        return list(counts)
    frequent = sorted(counts, key=lambda count: sum(count.amounts.values()), reverse=True)[:MOST_ROWS]
    return sorted(frequent, key=lambda count: count.class_id)


def _amounts(counts: Sequence[ClassCount]) -> tuple[Values, str, str]:
    """Bar lengths, number format and axis label: shares in % for pixels, counts for objects."""
    if any(count.unit != "pixels" for count in counts):
        return {split: [count.amounts[split] for count in counts] for split in Split}, "{:d}", "objects of the class"
    totals = {split: max(1, sum(count.amounts[split] for count in counts)) for split in Split}
    shares = {split: [100 * count.amounts[split] / totals[split] for count in counts] for split in Split}
    return shares, "{:.1f}", "pixels of the class, % of all labelled pixels"


def _panel(values: Values, form: str, label: str, width: int, row: int) -> Image.Image:
    """Bars of both splits for each class, one class below the other, with their numbers and an axis below.

    Args:
        values: Lengths by split, in the order of the classes.
        form: Format of the numbers.
        label: What the axis shows.
        width: Of the image, in pixels.
        row: Height of a class, in pixels.
    """
    numbers = {split: [text_mask(_number(value, form), _NUMBER_PX) for value in values[split]] for split in Split}
    room = max((mask.width for split in Split for mask in numbers[split]), default=0) + 2 * _GAP
    most = max((value for split in Split for value in values[split]), default=0) or 1
    scale = (width - room) / most
    tall = row * len(values[Split.TRAIN])
    below = text_mask(label, _TEXT_PX)
    panel = Image.new("RGB", (width, tall + 2 * below.height + _GAP), PAPER)
    draw = ImageDraw.Draw(panel)
    end = (width - _GAP) / scale
    fitting = (width - _GAP) // (text_mask(_mark(round(end)), _TEXT_PX).width + 2 * _GAP)
    for tick in _ticks(end, min(fitting, _TICKS), whole=form == "{:d}"):
        x, mark = round(tick * scale), text_mask(_mark(tick), _TEXT_PX)
        draw.line((x, 0, x, tall + 4), fill=_GRID if tick else INK)
        ink(panel, mark, max(0, min(x - mark.width // 2, width - mark.width)), tall + 6)
    thickness = round(0.4 * row)
    for place, split in enumerate(Split):
        for number, (value, mask) in enumerate(zip(values[split], numbers[split], strict=True)):
            y, length = number * row + row // 2 + (place - 1) * thickness, round(value * scale)
            if length:
                draw.rectangle((1, y, length, y + thickness - 1), fill=COLOURS[split])
            ink(panel, mask, length + 5, y + (thickness - mask.height) // 2)
    draw.line((0, 0, 0, tall), fill=INK)
    draw.line((0, tall, width, tall), fill=INK)
    ink(panel, below, max(0, (width - below.width) // 2), tall + below.height + _GAP // 2)
    return panel


def _ticks(end: float, most: int, *, whole: bool) -> Iterator[float]:
    """Round numbers from 0 to at most `end`, equally far apart, at most `most` besides 0.

    >>> list(_ticks(30, 6, whole=True)), list(_ticks(2, 6, whole=True)), list(_ticks(0.4, 4, whole=False))
    ([0, 5, 10, 15, 20, 25, 30], [0, 1, 2], [0.0, 0.1, 0.2, 0.30000000000000004, 0.4])
    """
    power = 10.0 ** math.floor(math.log10(end / most))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * most >= end)
    step = max(1, round(step)) if whole or step > 1 else step
    yield from (number * step for number in range(int(end / step) + 1))


def _mark(tick: float) -> str:
    return f"{tick:,.12g}"


def _legend(labels: Mapping[Split, str]) -> Image.Image:
    """What the colours mean, in a line."""
    masks = {split: text_mask(label, _TEXT_PX) for split, label in labels.items()}
    height, sample = max(mask.height for mask in masks.values()), 2 * _GAP
    legend = Image.new("RGB", (sum(mask.width + 2 * sample for mask in masks.values()), height), PAPER)
    x = 0
    for split, mask in masks.items():
        ImageDraw.Draw(legend).rectangle((x, height // 2 - 5, x + sample, height // 2 + 5), fill=COLOURS[split])
        ink(legend, mask, x + sample + _GAP // 2, 0)
        x += mask.width + 2 * sample
    return legend


def _number(value: float, form: str) -> str:
    if value == 0:
        return "0"
    return "<0.1" if value < 0.05 else form.format(value)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
