"""The dataset layouts that have repairs, and how each is examined and opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from segcli.data.formats.annotated_instances import as_instances
from segcli.data.formats.coco import find_coco_root
from segcli.data.formats.coco_layout import ANNOTATION_FILES, coco_layout
from segcli.data.formats.labelme_outlines import outline_findings
from segcli.data.formats.masks import LIST_FILES, find_root
from segcli.data.formats.table import format_named, formats_in
from segcli.data.samples import Split
from segcli.errors import DatasetError
from segcli.findings import Finding
from segcli.models.task import Task
from segcli.steps.fix.draft import Draft
from segcli.tasks import TASKS


@dataclass(frozen=True)
class Examined:
    """Findings in a dataset of a format that cannot be trained on without conversion."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Layout:
    """How a dataset of one layout is examined and repaired.

    Attributes:
        examine: ``module:name`` of a function of ``(dataset_dir, num_classes)`` that returns an object with `findings`.
        find: Finds the folder of the dataset.
        draft: Opens it for repair.
    """

    examine: str
    find: Callable[[Path], Path]
    draft: Callable[[Path], Draft]


def examine_labelme(dataset_dir: Path, _num_classes: int | None) -> Examined:
    """Finds the faults of LabelMe files and their images."""
    dataset = format_named("labelme").read(dataset_dir)
    return Examined((*dataset.findings, *outline_findings(dataset)))


def examine_yolo(dataset_dir: Path, _num_classes: int | None) -> Examined:
    """Finds the faults of YOLO label files and of their outlines."""
    from segcli.steps.check.object_rules import object_faults
    from segcli.steps.check.objects import object_findings
    from segcli.steps.check.objects_view import ObjectsView

    scan = as_instances(format_named("yolo").read(dataset_dir))
    views = ObjectsView.of_each(sample for split in Split for sample in scan.dataset.samples(split))
    own = (found for view in views for found in object_findings(view.sample, object_faults(view), ""))
    return Examined((*scan.findings, *own))


def examine_voc(dataset_dir: Path, _num_classes: int | None) -> Examined:
    """Finds the faults of VOC label maps, including those that matter to semantic models only."""
    from segcli.data.formats.masks import scan_lists

    findings = dict.fromkeys(format_named("voc").read(dataset_dir).findings)
    findings.update(dict.fromkeys(scan_lists(dataset_dir).findings))
    return Examined(tuple(findings))


def _annotation_files(root: Path) -> dict[Split, str]:
    found = coco_layout(root)
    return dict(found.files if found is not None else ANNOTATION_FILES)


def _finder(name: str) -> Callable[[Path], Path]:
    def find(folder: Path) -> Path:
        root = format_named(name).find(folder)
        if root is None:
            raise DatasetError(f"holds no {format_named(name).title} data", path=folder)
        return root

    return find


_HERE = "segcli.steps.fix.layouts:"
LAYOUTS = {
    "masks": Layout(
        "segcli.steps.check.semantic:examine_seg_dataset", find_root, lambda root: Draft(root, lists=LIST_FILES)
    ),
    "coco": Layout(
        "segcli.steps.check.instance:examine_coco_dataset",
        find_coco_root,
        lambda root: Draft(root, annotations=_annotation_files(root)),
    ),
    "labelme": Layout(f"{_HERE}examine_labelme", _finder("labelme"), Draft),
    "yolo": Layout(f"{_HERE}examine_yolo", _finder("yolo"), Draft),
    "voc": Layout(f"{_HERE}examine_voc", _finder("voc"), Draft),
}
"""Layouts that have repairs, by name: those of tasks as in `segcli.tasks`, and other formats."""
_OF_FORMAT = {"L": "labelme", "Y": "yolo", "V": "voc"}
"""Formats by the first letter of their rule ids."""


def layout_of(dataset_dir: Path, task: Task, select: Sequence[str] = ()) -> Layout:
    """The layout to repair: that of the task, else the format found in the folder.

    Args:
        dataset_dir: Folder of the dataset, or one above it.
        task: Task that the labels are for.
        select: Rule ids or prefixes; if all belong to one format, that format is repaired, also beside converted files.
    """
    words = [word.strip().upper() for text in select for word in text.split(",")]
    named = {_OF_FORMAT.get(word[:1]) for word in words}
    if len(named) == 1 and None not in named:
        return LAYOUTS[named.pop() or ""]
    own = LAYOUTS[TASKS[task].layout]
    try:
        own.find(dataset_dir)
    except DatasetError:
        others = (row.name for row, _ in formats_in(dataset_dir) if row.name in _OF_FORMAT.values())
        return LAYOUTS.get(next(others, ""), own)
    return own
