"""Lines of YOLO label files: pixels are normalised, outlines clipped to the image, and boxes become outlines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from segcli.data.formats.format import Format
from segcli.data.formats.table import format_named
from segcli.data.formats.yolo_layout import yolo_layout
from segcli.data.formats.yolo_remarks import SURELY_PIXELS, has_score, words_of
from segcli.data.same_outlines import repeated_outlines
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.clipping import clipped
from segcli.steps.fix.draft import Draft
from segcli.steps.fix.places import Size

_LINE = re.compile(r"line (\d+)")
_COUNT = re.compile(r"nc\s*:")
_SUFFIX = ".txt"
_FEWEST_WORDS = 7
_UNIT: Size = (1, 1)
Values = Sequence[float]
Edit = Callable[[Values, Size], tuple[Values, str] | str]
"""Maps the coordinates of a line and the image size to new coordinates and a message; or returns why it cannot."""


def repair(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Rewrites the lines by the edit of the rule."""
    edit_lines(draft, rule, findings, EDITS[rule])


def edit_lines(draft: Draft, rule: str, findings: Sequence[Finding], edit: Edit) -> None:
    """Rewrites the lines that findings name; the class ids and all other lines stay unchanged."""
    findings = [found for found in findings if found.path.endswith(_SUFFIX)]
    sizes = _sizes(format_named("yolo"), draft) if findings else {}
    for name in dict.fromkeys(found.path for found in findings):
        file = draft.list_file(name)
        done: Counter[str] = Counter()
        for number in _lines(found for found in findings if found.path == name):
            line = file.lines[number - 1]
            if line is None or name not in sizes:
                continue
            class_id, *texts = words_of(line[0])
            result = edit([float(text) for text in texts], sizes[name])
            if isinstance(result, str):
                draft.left(rule, f"{name} line {number}", result)
                continue
            values, what = result
            file.replace(number, " ".join([class_id, *map(_short, values)]))
            done[what] += 1
        for what, count in done.items():
            draft.done(rule, name, what.format(counted(count, "outline")))


def drop_repeated_lines(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Deletes the later lines of an outline in the files that findings name, unless their classes differ."""
    names = dict.fromkeys(found.path for found in findings if found.path.endswith(_SUFFIX))
    sizes = _sizes(format_named("yolo"), draft) if names else {}
    for name in names:
        file, (width, height) = draft.list_file(name), sizes[name]
        lines = [(number, words_of(text)) for number, text in file.entries()]
        lines = [(number, words) for number, words in lines if len(words) >= _FEWEST_WORDS]
        rings = [_in_pixels(words[1:], (width, height)) for _, words in lines]
        dropped = 0
        for one in repeated_outlines([(ring,) for ring in rings], height, width):
            (first, words), (number, own) = lines[one.original], lines[one.index]
            if words[0] == own[0]:
                file.remove(number)
                dropped += 1
            else:
                draft.left(rule, name, f"lines {first} and {number} give two classes to one outline: delete one")
        if dropped:
            draft.done(rule, name, f"{counted(dropped, 'copied outline')} deleted")


def from_percent(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Divides the coordinates of every line by 100."""
    _edit_all(
        draft,
        rule,
        lambda words, _size: _rescaled(words, (0.01, 0.01)),
        "coordinates divided by 100",
    )


def from_pixels(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Divides the coordinates of every line by the width and the height of its image, except shares of these."""

    def edit(words: list[str], size: Size) -> list[str]:
        in_pixels = max(map(float, words[1:]), default=0.0) > SURELY_PIXELS
        return _rescaled(words, (1 / size[0], 1 / size[1])) if in_pixels else words

    _edit_all(draft, rule, edit, "coordinates divided by the size of the image")


def of_exchanged_sides(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Divides x by the width instead of the height, and y by the height instead of the width."""
    _edit_all(
        draft,
        rule,
        lambda words, size: _rescaled(words, (size[1] / size[0], size[0] / size[1])),
        "x divided by the width and y by the height of the image",
    )


def from_one(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Lowers the class id of every line by one."""
    _edit_all(draft, rule, lambda words, _size: [str(int(float(words[0])) - 1), *words[1:]], "class ids lowered by one")


def without_score(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Removes the last number of every line that ends with a confidence."""
    _edit_all(
        draft,
        rule,
        lambda words, _size: words[:-1] if has_score(list(map(float, words))) else words,
        "confidence removed",
    )


def count_of_names(draft: Draft, rule: str, findings: Sequence[Finding]) -> None:
    """Sets `nc` to the number of names, unless lines use a class without a name."""
    for found in findings:
        names = yolo_layout(draft.root / found.path).names
        file = draft.list_file(found.path)
        number = next((number for number, text in file.entries() if _COUNT.match(text)), None)
        if number is None or found.location != "nc":
            draft.left(rule, found.path, "lines use classes without a name: add the names in their order")
        else:
            file.replace(number, f"nc: {len(names)}")
            draft.done(rule, found.path, f"nc becomes {len(names)}")


def _edit_all(draft: Draft, rule: str, edit: Callable[[list[str], Size], list[str]], what: str) -> None:
    """Edits the lines of every label file that hold numbers alone."""
    for name, size in _sizes(format_named("yolo"), draft).items():
        if not name.endswith(_SUFFIX):
            continue
        file, changed = draft.list_file(name), 0
        for number, text in list(file.entries()):
            words = words_of(text)
            try:
                edited = edit(words, size)
            except ValueError:  # another rule reports it
                continue
            if edited == words:
                continue
            file.replace(number, " ".join(edited))
            changed += 1
        if changed:
            draft.done(rule, name, f"{what}: {counted(changed, 'line')}")


def _rescaled(words: Sequence[str], factors: tuple[float, float]) -> list[str]:
    """A line with x and y multiplied by a factor each; a confidence at the end stays."""
    values = [float(word) for word in words]
    end = len(words) - has_score(values)
    return [words[0], *(_short(value * factors[n % 2]) for n, value in enumerate(values[1:end])), *words[end:]]


def _short(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _in_pixels(words: Sequence[str], size: Size) -> tuple[float, ...]:
    return tuple(float(word) * size[index % 2] for index, word in enumerate(words))


def _lines(findings: Iterable[Finding]) -> list[int]:
    matches = [_LINE.match(found.location or "") for found in findings]
    return [int(match[1]) for match in matches if match is not None]


def _sizes(yolo: Format, draft: Draft) -> dict[str, Size]:
    """Width and height in pixels of the image of each label file."""
    return {image.name: (image.size[1], image.size[0]) for image in yolo.read(draft.root).images}


def _inside(values: Values, size: Size) -> tuple[Values, str] | str:
    width, height = size
    what = "{} clipped to the image"
    if max(values) > SURELY_PIXELS:
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
