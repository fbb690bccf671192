"""A new division of a COCOInstSegDataset by its images: `annotations/instance_train.json` and `instance_val.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from segcli.data.formats.coco import find_coco_root
from segcli.data.formats.coco_layout import ANNOTATION_FILES
from segcli.data.ratios import Shares, divide
from segcli.data.samples import Split
from segcli.errors import DatasetError
from segcli.findings import Severity
from segcli.plurals import counted
from segcli.steps.split.coco_merge import CocoMerge
from segcli.steps.split.plan import SplitPlan

_HARMLESS = frozenset({"C103", "C105"})
"""A file that is missing or empty: the other one is divided."""


def plan_coco(dataset_dir: Path, shares: Shares, seed: int) -> SplitPlan:
    """Divides the images of both files; see `CocoMerge` for what becomes of ids, categories and other keys.

    Raises:
        DatasetError: There is no image, or entries would be lost or get another meaning; lists every fault.
    """
    root = find_coco_root(dataset_dir)
    merged = CocoMerge(root)
    for split in Split:
        merged.add(split)
    faults = [fault for fault in merged.findings if fault.severity is Severity.ERROR and fault.code not in _HARMLESS]
    if faults or not merged.images:
        what = f"{counted(len(faults), 'fault')}; nothing was divided" if faults else "the files list no image"
        raise DatasetError(what, faults or merged.findings, path=root)
    parts = divide(list(merged.images), shares, seed, key=str)
    contents = {split: merged.content(split, part) for split, part in zip(Split, parts, strict=True)}
    train, val = (_counts(content) for content in contents.values())
    files = {
        ANNOTATION_FILES[split]: json.dumps(content, ensure_ascii=False) + "\n" for split, content in contents.items()
    }
    return SplitPlan(root, train[0], val[0], seed, files, (train[1], val[1]))


def _counts(content: dict[str, Any]) -> tuple[int, int]:
    return len(content["images"]), len(content["annotations"])
