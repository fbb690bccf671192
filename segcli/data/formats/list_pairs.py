"""Rules on the pairs of the lists of a SegDataset: exchanged columns, and masks of other images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from segcli.data.formats.masks_layout import IMAGE_FOLDERS, MASK_FOLDERS, plain_stem
from segcli.data.lists import relative_name
from segcli.data.samples import SegSample
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding


def pair_findings(root: Path, file: str, samples: Sequence[SegSample]) -> Iterator[Finding]:
    """What is wrong with the pairs of one list, seen from the names alone."""
    own_masks = [sample for sample in samples if sample.image == sample.mask]
    if own_masks:
        example = relative_name(own_masks[0].image, root)
        yield finding("S111", file, f"{_of(own_masks, samples)} name an image as its own mask, such as {example}")
    exchanged = [sample for sample in samples if is_exchanged(sample, root)]
    if exchanged:
        example = " ".join(relative_name(path, root) for path in (exchanged[0].image, exchanged[0].mask))
        yield finding("S110", file, f"{_of(exchanged, samples)} name the mask first, such as {example}")
        return
    wrong = mispaired(samples)
    masks = masks_by_stem(samples)
    if wrong:
        image, mask = (relative_name(path, root) for path in (wrong[0].image, wrong[0].mask))
        own = relative_name(masks[plain_stem(wrong[0].image)], root)
        yield finding("S109", file, f"{_of(wrong, samples)}: {image} is paired with {mask}, although {own} is there")


def is_exchanged(sample: SegSample, root: Path) -> bool:
    """Whether the image lies in a folder of masks and the mask in one of images."""
    image, mask = (_top(path, root) for path in (sample.image, sample.mask))
    return image in MASK_FOLDERS and mask in IMAGE_FOLDERS


def mispaired(samples: Sequence[SegSample]) -> list[SegSample]:
    """The samples with the mask of another image; an image that is listed twice is another fault (S105)."""
    times, masks = Counter(sample.image for sample in samples), masks_by_stem(samples)
    return [sample for sample in samples if times[sample.image] == 1 and is_of_another(sample, masks)]


def masks_by_stem(samples: Sequence[SegSample]) -> dict[str, Path]:
    """The masks of a list by their names without ending; names that occur more than once are left out."""
    stems = Counter(plain_stem(mask) for mask in {sample.mask for sample in samples})
    return {stem: sample.mask for sample in samples if stems[stem := plain_stem(sample.mask)] == 1}


def is_of_another(sample: SegSample, masks: dict[str, Path]) -> bool:
    """Whether a mask is named after another image, although one named after its own image is in the list."""
    own = masks.get(plain_stem(sample.image))
    return own is not None and own != sample.mask and plain_stem(sample.mask) in masks


def _top(path: Path, root: Path) -> str:
    return path.relative_to(root).parts[0] if path.is_relative_to(root) else ""


def _of(some: Sequence[SegSample], all_: Sequence[SegSample]) -> str:
    return f"{len(some)} of {counted(len(all_), 'line')}"
