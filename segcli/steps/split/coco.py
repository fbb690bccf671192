"""A new split of the images of a COCO dataset, written under PaddleX's file names, or as folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segcli.data.files import is_file
from segcli.data.formats.coco import find_coco_root
from segcli.data.formats.coco_layout import ANNOTATION_FILES, FOLDS, TEST_FILE, CocoLayout, coco_layout
from segcli.data.json_text import json_bytes
from segcli.data.samples import Split
from segcli.data.splits.groups import group_each
from segcli.data.splits.partition import Divisible
from segcli.errors import DatasetError
from segcli.findings import Severity
from segcli.plurals import counted
from segcli.steps.split.balance import balance_of
from segcli.steps.split.coco_merge import CocoMerge
from segcli.steps.split.plan import SplitPlan
from segcli.steps.split.request import SplitRequest

_HARMLESS = frozenset({"C103", "C105"})
"""Findings that do not stop a split: an annotation file is missing or empty, so the other one is split."""
FILES = {**{split.value: ANNOTATION_FILES[split] for split in Split}, "test": TEST_FILE}


def plan_coco(dataset_dir: Path, request: SplitRequest) -> SplitPlan:
    """Splits the images of the files; see `CocoMerge` for how ids, categories and other keys are merged.

    Raises:
        DatasetError: There is no image, or entries would be lost or change their meaning; lists every fault.
        UsageError: There are fewer images or groups than splits.
    """
    root = find_coco_root(dataset_dir)
    merged, notes = _merged(root, request)
    names = list(merged.images)
    grouped = zip(names, group_each(names, request.group_of), strict=True)
    images = [Divisible(name, merged.objects_of(name), group) for name, group in grouped]
    splits = request.splits(images)
    contents = _contents(merged, list(merged.images), splits, request)
    own = {
        split: merged.content(FILES.get(split), [images[n].name for n in numbers]) for split, numbers in splits.items()
    }
    return SplitPlan(
        root,
        request,
        {split: len(content["images"]) for split, content in own.items()},
        {name: json_bytes(content).decode() + "\n" for name, content in contents.items()},
        balance_of(images, splits, merged.names, "objects"),
        annotations={split: len(content["annotations"]) for split, content in own.items()},
        notes=(*request.notes(images), *notes),
    )


def _merged(root: Path, request: SplitRequest) -> tuple[CocoMerge, tuple[str, ...]]:
    """The merged annotation files, and notes for the user."""
    layout = coco_layout(root) or CocoLayout(root, ANNOTATION_FILES)
    merged = CocoMerge(root, layout)
    for file in dict.fromkeys(layout.files.values()):
        merged.add(file)
    notes = []
    if is_file(root / TEST_FILE):
        if request.takes_test:
            merged.add(TEST_FILE)
        else:
            notes.append(f"the images of {TEST_FILE} stay there")
    merged.drop_copies()
    if merged.copies:
        listed = f"{counted(merged.copies, 'image')} with the same objects"
        notes.append(f"{listed} found in more than one file, or twice in one; each is written once")
    faults = [fault for fault in merged.findings if fault.severity is Severity.ERROR and fault.code not in _HARMLESS]
    if faults or not merged.images:
        what = f"{counted(len(faults), 'fault')}; nothing was split" if faults else "the files list no image"
        raise DatasetError(what, faults or merged.findings, path=root)
    return merged, tuple(notes)


def _contents(
    merged: CocoMerge, names: Sequence[str], splits: Mapping[str, Sequence[int]], request: SplitRequest
) -> dict[str, dict[str, Any]]:
    """Content of each annotation file to write, by its path in the dataset."""
    if request.folds is None:
        return {FILES[split]: merged.content(FILES[split], [names[n] for n in own]) for split, own in splits.items()}
    contents = {}
    for fold, own in splits.items():
        held = set(own)
        rest = [name for number, name in enumerate(names) if number not in held]
        for split, chosen in ((Split.TRAIN, rest), (Split.VAL, [names[number] for number in own])):
            file = ANNOTATION_FILES[split]
            contents[f"{FOLDS}/{fold}/{file.rpartition('/')[2]}"] = merged.content(file, chosen)
    return contents
