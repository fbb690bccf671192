"""A new division of a SegDataset: `train.txt` and `val.txt`."""

from __future__ import annotations

from pathlib import Path

from segcli.data.formats.masks import LIST_FILES, find_root, scan_lists
from segcli.data.lists import joined_line, relative_name
from segcli.data.ratios import Shares, divide
from segcli.data.samples import SegSample, Split
from segcli.errors import DatasetError
from segcli.findings import Severity
from segcli.plurals import counted
from segcli.steps.split.plan import SplitPlan

_HARMLESS = frozenset({"S101", "S102"})
"""A list that is missing or empty: the other one is divided."""


def plan_masks(dataset_dir: Path, shares: Shares, seed: int) -> SplitPlan:
    """Divides the samples of both lists.

    Repeated lines are written once; an image that has several masks stays in one part with all of them.

    Raises:
        DatasetError: There is no sample, or a line would be lost because it cannot be used; lists every fault.
    """
    root = find_root(dataset_dir)
    lists = scan_lists(root)
    faults = [fault for fault in lists.findings if fault.severity is Severity.ERROR and fault.code not in _HARMLESS]
    samples = _by_image((*lists.train, *lists.val))
    if faults or not samples:
        what = (
            f"{counted(len(faults), 'line')} would be lost; nothing was divided"
            if faults
            else "the lists name no sample"
        )
        raise DatasetError(what, faults or lists.findings, path=root)
    parts = divide(list(samples), shares, seed, key=lambda image: relative_name(image, root))
    lines = [
        [
            joined_line(relative_name(image, root), relative_name(mask, root))
            for image in part
            for mask in samples[image]
        ]
        for part in parts
    ]
    files = {LIST_FILES[split]: "".join(f"{line}\n" for line in part) for split, part in zip(Split, lines, strict=True)}
    return SplitPlan(root, len(lines[0]), len(lines[1]), seed, files)


def _by_image(samples: tuple[SegSample, ...]) -> dict[Path, dict[Path, None]]:
    """The masks of each image, in order, each once."""
    masks: dict[Path, dict[Path, None]] = {}
    for sample in samples:
        masks.setdefault(sample.image, {})[sample.mask] = None
    return masks
