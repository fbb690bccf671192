"""Lines of YOLO's label files: pixels become shares, what lies over the border is cut off, boxes become outlines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from segcli.data.formats.format import Format
from segcli.data.formats.table import format_named
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.clipping import clipped
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.places import Size

_LINE = re.compile(r"line (\d+)")
_UNIT: Size = (1, 1)
_SURELY_PIXELS = 2.0
"""A share above this is none."""
Values = Sequence[float]
Edit = Callable[[Values, Size], tuple[Values, str] | str]
"""From the coordinates of a line, with the image's width and height, to others and what was done; or why not."""


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Writes the lines anew; the class and every other line stay as they are."""
    sizes = _sizes(format_named("yolo"), draft)
    edit = EDITS[rule]
    for name in dict.fromkeys(found.path for found in findings):
        file = draft.list_file(name)
        told: Counter[str] = Counter()
        for number in _lines(found for found in findings if found.path == name):
            line = file.lines[number - 1]
            if line is None or name not in sizes:
                continue
            class_id, *texts = line[0].split()
            result = edit([float(text) for text in texts], sizes[name])
            if isinstance(result, str):
                draft.left(rule, f"{name} line {number}", result)
                continue
            values, what = result
            file.replace(number, " ".join([class_id, *(f"{value:.6f}".rstrip("0").rstrip(".") for value in values)]))
            told[what] += 1
        for what, count in told.items():
            draft.done(rule, name, what.format(counted(count, "outline")))


def _lines(findings: Iterable[Finding]) -> list[int]:
    matches = [_LINE.match(found.location or "") for found in findings]
    return [int(match[1]) for match in matches if match is not None]


def _sizes(yolo: Format, draft: Draft) -> dict[str, Size]:
    """Width and height of the image of each label file."""
    return {image.name: (image.size[1], image.size[0]) for image in yolo.read(draft.root).images}


def _inside(values: Values, size: Size) -> tuple[Values, str] | str:
    width, height = size
    what = "{} cut off at the border"
    if max(values) > _SURELY_PIXELS:
        if min(values) < -width or max(values[0::2]) > 2 * width or max(values[1::2]) > 2 * height:
            return "neither shares of the image nor pixels of it: correct the line, or delete it"
        sides = (width, height) * (len(values) // 2)
        values = [value / side for value, side in zip(values, sides, strict=True)]
        what = f"{{}} divided by {width} x {height} px"
    ring = clipped(values, _UNIT)
    if len(ring) < 6:
        return "no part of it lies in the image: correct the line, or delete it"
    return ring, what


def _outlined(values: Values, _size: Size) -> tuple[Values, str] | str:
    x, y, wide, high = values
    left, right, top, bottom = x - wide / 2, x + wide / 2, y - high / 2, y + high / 2
    ring = clipped((left, top, right, top, right, bottom, left, bottom), _UNIT)
    if len(ring) < 6 or min(wide, high) <= 0:
        return "the box is empty, or outside of the image: delete the line"
    return ring, "{} drawn around the box, in four corners"


EDITS: dict[str, Edit] = {"Y103": _inside, "Y104": _outlined}
"""By rule."""
