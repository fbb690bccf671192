"""Rules on the values of all masks together, which find values that are not class ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segcli.data.formats.masks import LIST_FILES
from segcli.data.image import LOSSY_FORMATS
from segcli.data.lists import relative_name, relative_names
from segcli.data.samples import SegSample, Split
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.rules import finding
from segcli.steps.check.inspection import SampleFacts
from segcli.steps.check.smears import Smear
from segcli.steps.check.tally import Tally, masks_with_ids

GREY_STEP = 8
"""Least distance between the values of masks in shades of grey."""
NAMED = 3
_SMEARED_SHARE = 0.5
"""Share of the edges between ids that are not neighbours which have another id between them, in smoothed masks."""
_FEWEST_RAMPS = 10
_FEWEST_NUMBERED = 3
_FEWEST_NUMBERS = 8
"""From so many masks with different greatest ids, and from this greatest id, a numbering of objects can be told."""
_FEWEST_SAME = 8
"""From so many masks with the same content, that is no chance."""
_MOST_IGNORED = 0.5
_LEAST_BACKGROUND = 0.1
"""Share of the labelled pixels that are background, from which ignored pixels do not stand for it."""
_HIDDEN_SHARE = 0.2
"""Largest share of the numbers of a mask that are missing, because other objects cover theirs."""
_WHITE = 255
_BLACK_AND_WHITE = bytes((0, _WHITE))
_READ_FIRST = frozenset({"S401", "S402"})

CONSEQUENCES = {
    "S307": frozenset({"S304", "S305", "S401", "S402", "S403", "S408"}),
    "S406": frozenset({"S418", "S417", "S305", "S401", "S402", "S403"}),
    "S407": frozenset({"S401", "S402", "S403"}),
    "S408": frozenset({"S418", "S304", "S305", "S401", "S402", "S403", "S405"}),
    "S409": frozenset({"S305", "S402", "S418"}),
    "S410": frozenset({"S306", "S401", "S402"}),
    "S418": frozenset({"S305"}),
    "S413": frozenset({"S304", "S401", "S402"}),
    "S417": frozenset({"S305", "S401", "S402", "S416"}),
    "V106": frozenset({"S301", "S302"}),
    "S414": frozenset({"S304", "S401", "S402", "S403", "S405"}),
    "S110": frozenset({"S201", "S202", "S207", "S209", "S301", "S302", "S303", "S304", "S401", "S402", "S403"}),
    **dict.fromkeys(
        ("S101", "S103", "V101", "V102", "S111", "S201", "S202", "S205", "S206", "S301", "S302"), _READ_FIRST
    ),
}
"""Rules that a fault explains; their findings are dropped, as they would hide the cause."""


Colour = tuple[int, int, int]


@dataclass
class MaskValues:
    """Collects what is needed to compare the values of all masks.

    Attributes:
        root: Folder to which names in findings are relative.
    """

    root: Path
    _name_of: Callable[[str], str] = field(init=False)
    _sets: Counter[bytes] = field(default_factory=Counter)
    _edges: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    _edge_masks: list[str] = field(default_factory=list)
    _white: list[str] = field(default_factory=list)
    _plain: list[str] = field(default_factory=list)
    _both: bool = False
    _colours: dict[Colour, tuple[int, str]] = field(default_factory=dict)
    _reordered: list[str] = field(default_factory=list)
    _reordered_first: str = ""
    _first_colour: dict[int, tuple[Colour, str]] = field(default_factory=dict)
    _recoloured: list[str] = field(default_factory=list)
    _recoloured_first: str = ""
    _has_gaps: bool = False
    _ramps: int = 0
    _jumps: int = 0
    _ramped: list[str] = field(default_factory=list)
    _contents: Counter[int] = field(default_factory=Counter)
    _same: dict[int, list[str]] = field(default_factory=dict)
    _highest: Counter[int] = field(default_factory=Counter)
    _are_numbered: bool = True

    def __post_init__(self) -> None:
        self._name_of = relative_names(self.root)

    def update(self, samples: Sequence[SampleFacts]) -> None:
        """Adds samples."""
        masks = [facts for facts in samples if facts.counts is not None]
        self._sets.update([facts.ids for facts in masks])
        self._note_contents(masks)
        # a lossy format has a finding of its own, and values that nobody wrote
        exact = [facts for facts in masks if facts.mask.header is None or facts.mask.header.format not in LOSSY_FORMATS]
        self._note_ids(exact)
        for facts in exact:
            if facts.edge_only is not None or facts.smear is not None or facts.colours:
                self._note_edges(facts.edge_only, facts.smear, facts.sample.mask_file)
                if facts.colours:
                    self._compare_colours(facts.colours, self._name_of(facts.sample.mask_file))

    def _note_edges(self, edge_only: NDArray[np.bool_] | None, smear: Smear | None, file: str) -> None:
        if edge_only is not None:
            self._edges += edge_only
            if edge_only.sum() >= 2:
                self._edge_masks.append(self._name_of(file))
        if smear is not None:
            self._ramps += smear.ramps
            self._jumps += smear.jumps
            self._ramped += [self._name_of(file)] if smear.ramps else []

    def _note_contents(self, masks: Sequence[SampleFacts]) -> None:
        """Counts contents; names are kept of those that repeat only, as most do not."""
        seen = self._contents
        for facts in masks:
            if facts.mask.digest is not None and len(facts.ids) > 1:
                # the digest is of the ends of the file alone
                content = hash((facts.mask.digest, facts.ids, facts.counts))
                times = seen[content] = seen.get(content, 0) + 1
                if 1 < times <= 1 + NAMED:
                    self._same.setdefault(content, []).append(self._name_of(facts.sample.mask_file))

    def _note_ids(self, masks: Sequence[SampleFacts]) -> None:
        """Records whether a mask holds 255 or others, the greatest of these, and whether nearly all from 1 to it are
        there; what the masks have in common is looked at once."""
        names: dict[bytes, list[str]] = {}
        for ids, number in Counter([facts.ids for facts in masks]).items():
            has_white, others = _WHITE in ids, ids.strip(_BLACK_AND_WHITE)
            if others:
                self._highest[others[-1]] += number
                self._are_numbered = self._are_numbered and others[-1] - len(others) <= _HIDDEN_SHARE * others[-1]
            if has_white and others:
                self._both = True
            elif others:
                names[ids] = self._plain
            elif has_white and ids[0] == 0:
                names[ids] = self._white
        for facts in masks:
            if facts.ids in names:
                names[facts.ids].append(facts.sample.mask_file)

    def _numbered(self, allowed: int, *, named: bool) -> Iterator[Finding]:
        """Finding on masks that number the objects of each image, so that an id has no meaning of its own."""
        highest = max(self._highest, default=0)
        if not self._are_numbered or highest < _FEWEST_NUMBERS or len(self._highest) < _FEWEST_NUMBERED:
            return
        if not named or highest >= allowed:
            masks = counted(self._highest.total(), "mask")
            message = f"each of {masks} holds nearly all ids from 1 to its own greatest one"
            yield finding("S414", "annotations", f"{message}, which is {min(self._highest)} to {highest}")

    def _compare_colours(self, colours: dict[int, Colour], name: str) -> None:
        if len(set(colours.values())) < len(colours):
            return  # if two ids have one colour, the intended id is unknown
        self._compare_ids(colours, name)
        for id_, colour in colours.items():
            other, file = self._colours.setdefault(colour, (id_, name))
            if other != id_:
                if not self._reordered:
                    self._reordered_first = f"colour {colour} is id {other} in {file} but id {id_} in {name}"
                self._reordered.append(name)
                return

    def _compare_ids(self, colours: dict[int, Colour], name: str) -> None:
        """Records masks in which an id has another colour than before, as in adaptive palettes, which have no gaps."""
        self._has_gaps = self._has_gaps or max(colours) >= len(colours)
        for id_, colour in colours.items():
            first, file = self._first_colour.setdefault(id_, (colour, name))
            if first != colour:
                if not self._recoloured:
                    self._recoloured_first = f"id {id_} has colour {first} in {file} but {colour} in {name}"
                self._recoloured.append(name)
                return

    def _palettes(self) -> Iterator[Finding]:
        if self._reordered:
            message = f"{self._reordered_first}; this affects {counted(len(self._reordered), 'mask')}"
            yield finding("S407", self._reordered[0], message)
        elif self._recoloured and not self._has_gaps:
            message = f"{self._recoloured_first}; this affects {counted(len(self._recoloured), 'mask')}"
            yield finding("S407", self._recoloured[0], message)

    def findings(
        self, tally: Tally, allowed: int, ignore_index: int, *, named: bool, background: bool = False
    ) -> Iterator[Finding]:
        """Findings from the values of all masks together.

        Args:
            tally: Counts over all masks.
            allowed: Number of allowed ids, 0 to `allowed` - 1.
            ignore_index: The value that stands for no class.
            named: Whether class names or the configuration define the classes.
            background: Whether the dataset calls class 0 the background.
        """
        yield from self._same_masks()
        yield from self._one_id(tally, ignore_index)
        yield from self._smeared(ignore_index)
        yield from self._palettes()
        yield from self._numbered(allowed, named=named)
        if named:
            yield from _from_one(tally.ids() - {ignore_index}, allowed)
        yield from self._grey(tally.ids(), allowed, ignore_index, named=named)
        if self._white and self._plain and not self._both:
            white, plain = (listed(files, NAMED, name=self._name_of) for files in (self._white, self._plain))
            message = (
                f"{counted(len(self._white), 'mask')} hold 0 and 255 ({white}), "
                f"{len(self._plain)} hold ids ({plain}), and none holds both"
            )
            yield finding("S409", self._name_of(self._white[0]), message)
        yield from _empty_parts(tally, ignore_index, background)

    def _same_masks(self) -> Iterator[Finding]:
        """Finding on masks of different files with the same content, if most have it."""
        compared = self._contents.total()
        for content, number in self._contents.most_common(1):
            if number >= _FEWEST_SAME and 2 * number > compared:
                names = self._same[content]
                message = f"{number} of {compared} masks hold the same, such as {', '.join(names)}"
                yield finding("S416", names[0], message)

    def _one_id(self, tally: Tally, ignore_index: int) -> Iterator[Finding]:
        """Finding on masks that all hold one and the same id, besides ignored pixels."""
        ids = tally.ids() - {ignore_index}
        masks = self._sets.total()
        if len(ids) == 1 and masks > 1:
            yield finding("S417", "annotations", f"every pixel of {masks} masks is {ids.pop()} or ignored")

    def _smeared(self, ignore_index: int) -> Iterator[Finding]:
        masks = masks_with_ids(self._sets)
        used = masks > 0
        used[[0, ignore_index]] = False
        smeared = used & (self._edges == masks)
        number = int(np.count_nonzero(smeared))
        if number >= 2 and 3 * number >= np.count_nonzero(used) and self._edge_masks:
            values = listed(np.flatnonzero(smeared).tolist(), 8)
            message = f"{number} ids lie on edges only ({values}) in {counted(len(self._edge_masks), 'mask')}"
            yield finding("S307", self._edge_masks[0], f"{message}: {listed(self._edge_masks, NAMED)}")
        elif self._ramps >= _FEWEST_RAMPS and self._ramps > _SMEARED_SHARE * (self._ramps + self._jumps):
            edges = f"{self._ramps} of {self._ramps + self._jumps} sampled edges between two ids"
            message = f"{edges} have a strip of a third id between them in {counted(len(self._ramped), 'mask')}"
            yield finding("S307", self._ramped[0], f"{message}: {listed(self._ramped, NAMED)}")

    def _grey(self, ids: set[int], allowed: int, ignore_index: int, *, named: bool) -> Iterator[Finding]:
        values = sorted(ids)
        outside = any(value >= allowed and value != ignore_index for value in values)
        steps = [after - before for before, after in pairwise(values)]
        if (named and not outside) or not steps or ids <= {0, ignore_index} or min(steps) < GREY_STEP:
            return
        mapping = ", ".join(f"{value} -> {place}" for place, value in enumerate(values))
        ignored = f", and {ignore_index} is ignored" if ignore_index in ids else ""
        message = f"the masks hold only {', '.join(map(str, values))}: shades of grey, not ids{ignored}"
        yield finding("S408", "annotations", message, hint=f"write ids from 0 without gaps, such as {mapping}")


def shared_masks(samples: Sequence[SegSample], root: Path) -> Iterator[Finding]:
    """Findings on masks that belong to several images."""
    times = Counter(sample.mask_file for sample in samples)
    if len(times) == len(samples):
        return
    owners: dict[str, dict[str, None]] = {}  # in order, and each image once: it may be in both splits
    for image, mask, _ in samples:
        if times[mask] > 1:
            owners.setdefault(mask, {})[image] = None
    for mask, images in owners.items():
        if len(images) > 1:
            named = listed([*images], NAMED, name=lambda image: relative_name(image, root))
            yield finding("S108", relative_name(mask, root), f"is the mask of {counted(len(images), 'image')}: {named}")


def _from_one(ids: set[int], allowed: int) -> Iterator[Finding]:
    """Masks whose ids begin at 1 although the names begin at 0: each pixel has the class before its own."""
    if 0 not in ids and allowed in ids and max(ids) == allowed:
        message = f"the masks hold 1 to {allowed} and no 0, the names are those of 0 to {allowed - 1}"
        yield finding("S413", "annotations", message)


def _empty_parts(tally: Tally, ignore_index: int, background: bool) -> Iterator[Finding]:
    for split in Split:
        pixels = tally.pixels[split]
        # sparse labels on purpose: strokes and points on the background too
        sparse = background and pixels[0] > _LEAST_BACKGROUND * (pixels.sum() - pixels[ignore_index])
        if pixels[ignore_index] and pixels.sum() == pixels[ignore_index]:
            yield finding("S410", LIST_FILES[split], f"every pixel of its masks is {ignore_index}, which is ignored")
        elif pixels[ignore_index] > _MOST_IGNORED * pixels.sum() and not sparse:
            share = f"{100 * pixels[ignore_index] / pixels.sum():.0f} %"
            message = f"{share} of the pixels of its masks are {ignore_index}, which is ignored"
            yield finding("S418", LIST_FILES[split], message)
