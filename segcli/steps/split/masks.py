"""A new split of a SegDataset: `train.txt`, `val.txt` and `test.txt`, or the lists of folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from segcli.data.class_files import NUMBERED_FILE
from segcli.data.files import is_file
from segcli.data.formats.coco_layout import FOLDS
from segcli.data.formats.masks import LIST_FILES, TEST_LIST, class_names_of, find_root, scan_lists
from segcli.data.formats.voc_layout import COLOUR_FILE
from segcli.data.lists import joined_line, relative_name, scan_list
from segcli.data.samples import SegSample, Split
from segcli.data.splits.class_amounts import pixels_by_class
from segcli.data.splits.groups import group_each
from segcli.data.splits.partition import Divisible
from segcli.errors import DatasetError
from segcli.findings import Finding, Severity
from segcli.plurals import counted
from segcli.steps.split.balance import balance_of
from segcli.steps.split.plan import SplitPlan
from segcli.steps.split.request import SplitRequest

_HARMLESS = frozenset({"S101", "S102"})
"""Findings that do not stop a split: a list is missing or empty, so the other one is split."""
FILES = {**{split.value: LIST_FILES[split] for split in Split}, "test": TEST_LIST}

MasksOf = dict[Path, dict[Path, None]]


def plan_masks(dataset_dir: Path, request: SplitRequest) -> SplitPlan:
    """Splits the samples of the lists.

    Repeated lines are written once; an image that has several masks stays in one split with all its masks.

    Raises:
        DatasetError: There is no sample, or a line would be lost because it cannot be used; lists every fault.
        UsageError: There are fewer images or groups than splits.
    """
    root = find_root(dataset_dir)
    lists = scan_lists(root)
    test, test_findings = scan_list(root, TEST_LIST) if is_file(root / TEST_LIST) else ((), [])
    findings = [*lists.findings, *test_findings]
    masks = _by_image((*lists.train, *lists.val, *(test if request.takes_test else ())))
    _refuse_lost(findings, masks, root)
    images = _divisible(masks, root, request)
    splits = request.splits(images)
    files = _fold_files(list(masks), splits, masks, root) if request.folds else _split_files(splits, masks, root)
    kept = 0 if request.takes_test else len(test)
    names, _ = class_names_of(root)
    if names is not None and names.file == COLOUR_FILE:
        # Pascal VOC's labelmap.txt, which is not read where there are lists
        files[NUMBERED_FILE] = "".join(f"{number}: {name}\n" for number, name in enumerate(names.names))
    return SplitPlan(
        root,
        request,
        {split: sum(len(masks[path]) for path in _chosen(masks, own)) for split, own in splits.items()},
        files,
        balance_of(images, splits, dict(enumerate(names.names)) if names is not None else {}, "pixels"),
        notes=request.notes(images)
        + ((f"the {counted(kept, 'sample')} of {TEST_LIST} {'stays' if kept == 1 else 'stay'} there",) if kept else ()),
    )


def _refuse_lost(findings: Sequence[Finding], masks: MasksOf, root: Path) -> None:
    faults = [fault for fault in findings if fault.severity is Severity.ERROR and fault.code not in _HARMLESS]
    if faults or not masks:
        what = (
            f"{counted(len(faults), 'line')} would be lost; nothing was split" if faults else "the lists name no sample"
        )
        raise DatasetError(what, faults or findings, path=root)


def _by_image(samples: Iterable[SegSample]) -> MasksOf:
    """The masks of each image, in order, each once."""
    masks: MasksOf = {}
    for sample in samples:
        masks.setdefault(sample.image, {})[sample.mask] = None
    return masks


def _divisible(masks: MasksOf, root: Path, request: SplitRequest) -> list[Divisible]:
    files = list(dict.fromkeys(mask for own in masks.values() for mask in own))
    pixels = dict(zip(files, pixels_by_class(files), strict=True))
    names = [relative_name(image, root) for image in masks]
    amounts = [sum((pixels[mask] for mask in own), Counter[int]()) for own in masks.values()]
    groups = group_each(names, request.group_of)
    return [Divisible(*parts) for parts in zip(names, amounts, groups, strict=True)]


def _chosen(masks: MasksOf, numbers: Sequence[int]) -> list[Path]:
    paths = list(masks)
    return [paths[number] for number in numbers]


def _split_files(splits: Mapping[str, Sequence[int]], masks: MasksOf, root: Path) -> dict[str, str]:
    return {FILES[split]: _text(_chosen(masks, own), masks, root) for split, own in splits.items()}


def _fold_files(
    images: Sequence[Path], splits: Mapping[str, Sequence[int]], masks: MasksOf, root: Path
) -> dict[str, str]:
    files = {}
    for fold, own in splits.items():
        held = set(own)
        rest = [image for number, image in enumerate(images) if number not in held]
        files[f"{FOLDS}/{fold}/{LIST_FILES[Split.TRAIN]}"] = _text(rest, masks, root)
        files[f"{FOLDS}/{fold}/{LIST_FILES[Split.VAL]}"] = _text(_chosen(masks, own), masks, root)
    return files


def _text(images: Iterable[Path], masks: MasksOf, root: Path) -> str:
    lines = (
        joined_line(relative_name(image, root), relative_name(mask, root)) for image in images for mask in masks[image]
    )
    return "".join(f"{line}\n" for line in lines)
