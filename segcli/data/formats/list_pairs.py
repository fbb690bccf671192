"""Rules on the pairs of the lists of a SegDataset: exchanged columns, and masks of other images.

Names are compared as texts: `Path` hashes and splits ten times slower, which counts in lists of a hundred thousand
lines.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from segcli.data.formats.masks_layout import IMAGE_FOLDERS, MASK_FOLDERS, plain_stem
from segcli.data.lists import relative_name
from segcli.data.samples import SegSample
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding


def pair_findings(root: Path, file: str, samples: Sequence[SegSample]) -> Iterator[Finding]:
    """What is wrong with the pairs of one list, seen from the names alone."""
    own_masks = [sample for sample in samples if str(sample.image) == str(sample.mask)]
    if own_masks:
        example = relative_name(own_masks[0].image, root)
        yield finding("S111", file, f"{_of(own_masks, samples)} name an image as its own mask, such as {example}")
    exchanged = [sample for sample in samples if is_exchanged(sample, root)]
    if exchanged:
        example = " ".join(relative_name(path, root) for path in (exchanged[0].image, exchanged[0].mask))
        yield finding("S110", file, f"{_of(exchanged, samples)} name the mask first, such as {example}")
        return
    wrong = mispaired(samples)
    if wrong:
        sample, own_mask = wrong[0]
        image, mask, own = (relative_name(path, root) for path in (sample.image, sample.mask, own_mask))
        yield finding("S109", file, f"{_of(wrong, samples)}: {image} is paired with {mask}, although {own} is there")


def is_exchanged(sample: SegSample, root: Path) -> bool:
    """Whether the image lies in a folder of masks and the mask in one of images."""
    start = f"{root}{os.sep}"
    return _top(str(sample.image), start) in MASK_FOLDERS and _top(str(sample.mask), start) in IMAGE_FOLDERS


def mispaired(samples: Sequence[SegSample]) -> list[tuple[SegSample, Path]]:
    """The samples with the mask of another image, each with the mask that is named after its own image.

    An image that is listed twice is another fault (S105).
    """
    times = Counter(str(sample.image) for sample in samples)
    masks = _masks_by_stem(samples)
    found = []
    for sample in samples:
        own = masks.get(plain_stem(str(sample.image)))
        if own is None or times[str(sample.image)] > 1 or str(own) == str(sample.mask):
            continue
        if plain_stem(str(sample.mask)) in masks:
            found.append((sample, own))
    return found


def _masks_by_stem(samples: Sequence[SegSample]) -> Mapping[str, Path]:
    """The masks of a list by their names without ending; names that occur more than once are left out."""
    masks: dict[str, Path] = {}
    repeated = set()
    for name, mask in {str(sample.mask): sample.mask for sample in samples}.items():
        stem = plain_stem(name)
        if masks.setdefault(stem, mask) is not mask:
            repeated.add(stem)
    for stem in repeated:
        del masks[stem]
    return masks


def _top(path: str, start: str) -> str:
    """The first folder or file of a path below the folder that ends `start`; empty for one elsewhere."""
    return path[len(start) :].partition(os.sep)[0] if path.startswith(start) else ""


def _of(some: Sequence[object], all_: Sequence[SegSample]) -> str:
    return f"{len(some)} of {counted(len(all_), 'line')}"
