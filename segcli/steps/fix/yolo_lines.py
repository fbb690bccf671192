"""Lines of YOLO label files: pixels are normalised, outlines clipped to the image, and boxes become outlines."""

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
"""A coordinate above this cannot be normalised."""
Values = Sequence[float]
Edit = Callable[[Values, Size], tuple[Values, str] | str]
"""Maps the coordinates of a line and the image size to new coordinates and a message; or returns why it cannot."""


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Rewrites the lines; the class ids and all other lines stay unchanged."""
    sizes = _sizes(format_named("yolo"), draft)
    edit = EDITS[rule]
    for name in dict.fromkeys(found.path for found in findings):
        file = draft.list_file(name)
        done: Counter[str] = Counter()
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
            done[what] += 1
        for what, count in done.items():
            draft.done(rule, name, what.format(counted(count, "outline")))


def _lines(findings: Iterable[Finding]) -> list[int]:
    matches = [_LINE.match(found.location or "") for found in findings]
    return [int(match[1]) for match in matches if match is not None]


def _sizes(yolo: Format, draft: Draft) -> dict[str, Size]:
    """Width and height in pixels of the image of each label file."""
    return {image.name: (image.size[1], image.size[0]) for image in yolo.read(draft.root).images}


def _inside(values: Values, size: Size) -> tuple[Values, str] | str:
    width, height = size
    what = "{} clipped to the image"
    if max(values) > _SURELY_PIXELS:
        if min(values) < -width or max(values[0::2]) > 2 * width or max(values[1::2]) > 2 * height:
            return "neither normalised coordinates nor pixels of the image: correct the line, or delete it"
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
    return ring, "{} made from the four corners of the box"


EDITS: dict[str, Edit] = {"Y103": _inside, "Y104": _outlined}
"""The edit of each rule."""
