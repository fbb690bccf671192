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
    own_masks = [sample for sample in samples if sample.image_file == sample.mask_file]
    if own_masks:
        example = relative_name(own_masks[0].image_file, root)
        yield finding("S111", file, f"{_of(own_masks, samples)} name an image as its own mask, such as {example}")
    exchanged = _exchanged(samples, root)
    if exchanged:
        example = " ".join(relative_name(path, root) for path in (exchanged[0].image_file, exchanged[0].mask_file))
        yield finding("S110", file, f"{_of(exchanged, samples)} name the mask first, such as {example}")
        return
    wrong = mispaired(samples)
    if wrong:
        sample, own_mask = wrong[0]
        image, mask, own = (relative_name(path, root) for path in (sample.image_file, sample.mask_file, own_mask))
        yield finding("S109", file, f"{_of(wrong, samples)}: {image} is paired with {mask}, although {own} is there")


def _exchanged(samples: Sequence[SegSample], root: Path) -> list[SegSample]:
    """The samples whose image lies in a folder of masks and whose mask in one of images."""
    masks, images = (
        tuple(f"{root}{os.sep}{folder}{os.sep}" for folder in folders) for folders in (MASK_FOLDERS, IMAGE_FOLDERS)
    )
    return [one for one in samples if one.image_file.startswith(masks) and one.mask_file.startswith(images)]


def mispaired(samples: Sequence[SegSample]) -> list[tuple[SegSample, str]]:
    """The samples with the mask of another image, each with the mask that is named after its own image.

    An image that is listed twice is another fault (S105).
    """
    if all(map(_have_one_name, samples)):
        return []
    times = Counter(sample.image_file for sample in samples)
    masks = _masks_by_stem(samples)
    found = []
    for sample in samples:
        own = masks.get(plain_stem(sample.image_file))
        if own is None or times[sample.image_file] > 1 or own == sample.mask_file:
            continue
        if plain_stem(sample.mask_file) in masks:
            found.append((sample, own))
    return found


def _have_one_name(sample: SegSample) -> bool:
    image, mask, _ = sample
    # most have the same one with its suffix, which is seen in a third of the time
    return image.rpartition(os.sep)[2] == mask.rpartition(os.sep)[2] or plain_stem(image) == plain_stem(mask)


def _masks_by_stem(samples: Sequence[SegSample]) -> Mapping[str, str]:
    """The masks of a list by their names without ending; names that occur more than once are left out."""
    masks: dict[str, str] = {}
    repeated = set()
    for mask in dict.fromkeys(sample.mask_file for sample in samples):
        stem = plain_stem(mask)
        if masks.setdefault(stem, mask) != mask:
            repeated.add(stem)
    for stem in repeated:
        del masks[stem]
    return masks


def _of(some: Sequence[object], all_: Sequence[SegSample]) -> str:
    return f"{len(some)} of {counted(len(all_), 'line')}"
