"""What all label files of a YOLO dataset share, so that one finding stands for those of every line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from segcli.data.boxes import BoxXyxy
from segcli.data.formats.coordinates import FEWEST_IMAGES, Extents, Reading
from segcli.data.formats.yolo_layout import YoloLayout
from segcli.data.lists import relative_name
from segcli.data.look_alike import difference, looks_of
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.rules import finding

_FEWEST_POLYGON = 7
"""Numbers of a line with a class id and three points."""
_BOX_AND_SCORE = 6

BEYOND = 0.01
"""How far a coordinate may extend over the border: rounding is not a fault."""
SURELY_PIXELS = 2.0
"""A coordinate above this cannot be normalised."""
Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass
class LineTally:
    """What is kept of the lines of all label files.

    Attributes:
        boxes: By label file the boxes around its outlines, as written.
        used: Class ids of the lines.
        lines: Number of lines of numbers.
        scored: How many of them end with a number from 0 to 1 after their coordinates.
    """

    boxes: dict[str, list[BoxXyxy]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    lines: int = 0
    scored: int = 0

    def add(self, file: str, values: list[float]) -> None:
        """Adds the numbers of a line."""
        self.lines += 1
        count = len(values)
        if count and values[0] >= 0:
            self.used.add(int(values[0]))
        if count >= _FEWEST_POLYGON and count % 2:
            xs, ys = values[1::2], values[2::2]
            self.boxes.setdefault(file, []).append((min(xs), min(ys), max(xs), max(ys)))
        elif has_score(values):
            self.scored += 1


def words_of(line: str) -> list[str]:
    """The numbers of a line, which some tools separate by commas."""
    return line.replace(",", " ").split()


def has_score(values: list[float]) -> bool:
    """Whether a line may end with a confidence: an outline or a box, and a number from 0 to 1."""
    count = len(values)
    return (count == _BOX_AND_SCORE or (count > _FEWEST_POLYGON and count % 2 == 0)) and 0 <= values[-1] <= 1


def shared_faults(
    tally: LineTally, layout: YoloLayout, sizes: Mapping[str, Size]
) -> Iterator[tuple[frozenset[str], Finding]]:
    """Findings on all lines together, each with the rules on single lines that it replaces."""
    file, names = layout.file.name, layout.names
    if layout.has_keypoints:
        what = "is for key points (kpt_shape): its lines hold boxes and points, no outlines"
        yield frozenset({"Y101", "Y102", "Y103", "Y104"}), finding("Y109", file, what)
    else:
        yield from _faults_of_numbers(tally, file, sizes)
    last = max(names, default=-1) + 1
    used = tally.used
    if used and min(used) == 1 and max(used) == last and min(names, default=1) == 0:
        what = f"the ids used are 1 to {last}, {file} names 0 to {last - 1}"
        yield frozenset({"Y102"}), finding("Y106", file, what)
    elif layout.stated_classes not in (None, len(names)):
        yield _count_fault(layout, used)


def _faults_of_numbers(
    tally: LineTally, file: str, sizes: Mapping[str, Size]
) -> Iterator[tuple[frozenset[str], Finding]]:
    """Findings on the coordinates of all lines, and on what follows them."""
    if 2 * tally.scored > tally.lines:
        what = f"{tally.scored} of {counted(tally.lines, 'line')} end with a confidence, as predictions do"
        yield frozenset({"Y101"}), finding("Y108", file, what)
    extents = Extents.of((sizes[name], boxes) for name, boxes in tally.boxes.items() if name in sizes)
    if extents.reading() is Reading.PERCENT:
        what = f"the outlines of {len(extents.boxes)} images are {Reading.PERCENT.value}"
        yield frozenset({"Y103"}), finding("Y105", file, what)
    elif _are_of_exchanged_sides(extents):
        what = f"the outlines of {len(extents.boxes)} images fit if x was divided by the height and y by the width"
        yield frozenset({"Y103"}), finding("Y114", file, what)
    elif _are_pixels(extents):
        yield frozenset({"Y103"}), finding("Y113", file, f"the outlines of {len(extents.boxes)} images are in pixels")


def _are_of_exchanged_sides(extents: Extents) -> bool:
    """Whether shares reach beyond several images, as x divided by a shorter height does, and none once set right."""
    far = extents.boxes[:, 2:]
    in_px = far * extents.sizes[:, ::-1]
    beyond = np.count_nonzero((far > 1 + BEYOND).any(axis=1))
    fits = (in_px <= (1 + BEYOND) * extents.sizes).all()  # in square images nothing is exchanged, and nothing fits
    return bool(beyond >= FEWEST_IMAGES and extents.boxes.min() >= -BEYOND and fits)


def _are_pixels(extents: Extents) -> bool:
    """Whether all outlines lie in their images only if their coordinates are pixels."""
    far = extents.boxes[:, 2:]
    return (
        len(far) >= FEWEST_IMAGES
        and bool((far.max(axis=1) > SURELY_PIXELS).all())
        and bool((extents.boxes[:, :2] >= -SURELY_PIXELS).all())
        and bool((far <= extents.sizes + SURELY_PIXELS).all())
    )


def _count_fault(layout: YoloLayout, used: Collection[int]) -> tuple[frozenset[str], Finding]:
    """`nc` and `names` disagree; where names are missing, that explains the lines of classes without a name."""
    stated, named = layout.stated_classes or 0, len(layout.names)
    what = f"nc is {stated}, but names holds {counted(named, 'name')}"
    unnamed = sorted(id_ for id_ in used if id_ not in layout.names)
    if unnamed and unnamed[-1] < stated:
        what += f"; those of {listed(unnamed)} are missing, which lines use"
        return frozenset({"Y102"}), finding("Y107", layout.file.name, what, location="names")
    return frozenset(), finding("Y107", layout.file.name, what, location="nc")


def similar_names(layout: YoloLayout) -> Iterator[Finding]:
    """Class names that are the same, or look alike."""
    seen: dict[str, int] = {}
    for id_, name in sorted(layout.names.items()):
        first = seen.setdefault(looks_of(name), id_)
        if first != id_:
            other = layout.names[first]
            what = "are the same" if other == name else f"look alike: {difference(name, other)} differs"
            yield finding("Y110", layout.file.name, f"class {first} ({other!r}) and class {id_} ({name!r}) {what}")


def in_both_splits(paths: Iterable[Path], layout: YoloLayout) -> Iterator[Finding]:
    """One finding on all images that are in both splits."""
    names = [relative_name(path, layout.root) for path in paths]
    if names:
        verb = "is" if len(names) == 1 else "are"
        what = f"{counted(len(names), 'image')} {verb} in train and in val: {listed(names)}"
        yield finding("Y003", layout.file.name, what)


def missing_splits(layout: YoloLayout) -> Iterator[Finding]:
    """Splits that are not named, or whose folders are not there, so that all images are split anew."""
    count = counted(len(layout.images.get(None, ())), "image")
    if layout.images.get(None) and not layout.missing:
        yield finding("Y112", layout.file.name, f"{count} belong to no split: 80 of 100 are for training")
    if layout.missing:
        what = f"{' and '.join(layout.missing)} are not there; {count} in one folder belong to no split"
        yield finding("Y006", layout.file.name, f"{what}: 80 of 100 are for training")
